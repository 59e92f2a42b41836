// The viewer's time zone, which a cookie tells the server: the browser's, until the viewer chooses one.

const YEAR_SECONDS = 365 * 24 * 3600;

export function rememberZone(zone) {
  // Names of zones need no quoting, and Django takes none off a cookie.
  document.cookie = `zone=${zone.replace(/[^\w+/-]/g, "")}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
}

/** The browser's zone, if the server did not know any when it made this page; else "". */
export const newZone = /(?:^|; )zone=/.test(document.cookie) ? "" : ownZone();
if (newZone) rememberZone(newZone);

function ownZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
