// The charts of the last hour, drawn by uPlot, which is loaded before this as a global.

/* global uPlot */

const HEIGHT = 190;
const COLOURS = 9;

const decimals = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
const wholes = new Intl.NumberFormat("en-US");

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function colour(at) {
  return css(`--series-${at % COLOURS}`);
}

function sum(counts) {
  return counts.reduce((all, count) => all + count, 0);
}

/** A value between two gaps makes no line, and would not be seen without a point. */
const LONELY = {
  show: true,
  size: 4,
  filter: (chart, row) => {
    const values = chart.data[row];
    const isLonely = (value, at) => value != null && values[at - 1] == null && values[at + 1] == null;
    return values.flatMap((value, at) => (isLonely(value, at) ? [at] : []));
  },
};

function axis(more) {
  return {
    stroke: css("--body-quiet-color"),
    grid: { stroke: css("--hairline-color"), width: 1 },
    ticks: { stroke: css("--hairline-color"), width: 1 },
    font: "12px system-ui, sans-serif",
    ...more,
  };
}

/** One chart in its figure: `show` gives it slots, `draw` draws it anew, as after a change of colours. */
class Chart {
  constructor(figure) {
    this.figure = figure;
    this.plot = figure.querySelector("[data-plot]");
    this.now = figure.querySelector("[data-now]");
    this.slots = [];
    this.chart = null;
    new ResizeObserver(() => this.resize()).observe(this.plot);
  }

  show(slots, slotSeconds, words) {
    this.slots = slots;
    this.words = words;
    this.slotSeconds = slotSeconds;
    const { series, bands, data } = this.described();
    const text = this.inWords();
    if (this.now.textContent !== text) this.now.textContent = text;
    this.plot.setAttribute("role", "img");
    this.plot.setAttribute("aria-label", text);
    // The same lines only get new data; other lines are another chart.
    const names = series.map((each) => each.label).join("\n");
    if (this.chart && names === this.names) {
      this.chart.setData(data);
      return;
    }
    this.names = names;
    this.build(series, bands, data);
  }

  draw() {
    this.names = null;
    if (this.slots.length) this.show(this.slots, this.slotSeconds, this.words);
  }

  /** What staff call a stored code. */
  short(code) {
    return this.words[code]?.short ?? code;
  }

  build(series, bands, data) {
    this.chart?.destroy();
    const options = {
      width: this.plot.clientWidth,
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { sync: { key: "hour" }, points: { size: 6 }, drag: { x: false, y: false } },
      scales: { y: this.scale() },
      axes: [
        axis({ values: "{HH}:{mm}", space: 60 }),
        axis({ size: 56, splits: this.splits(), values: (_, values) => values.map((v) => (v === null ? "" : decimals.format(v))) }),
      ],
      legend: { show: this.hasLegend },
      series: [{ label: "UTC", value: "{HH}:{mm}:{ss}" }, ...series],
      bands,
    };
    this.chart = new uPlot(options, data, this.plot);
  }

  resize() {
    const width = this.plot.clientWidth;
    if (this.chart && width && width !== this.chart.width) this.chart.setSize({ width, height: HEIGHT });
  }

  get hasLegend() {
    return true;
  }

  /** Where the lines of the grid are; undefined leaves it to uPlot. */
  splits() {
    return undefined;
  }

  scale() {
    return { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] };
  }

  line(label, at, more = {}) {
    const shown = (_, value) => (value == null ? "-" : decimals.format(value));
    return { label, stroke: colour(at), width: 1.5, points: { show: false }, value: shown, ...more };
  }

  times() {
    return this.slots.map((slot) => slot.start);
  }
}

export class RateChart extends Chart {
  described() {
    const per = (count) => count / this.slotSeconds;
    return {
      series: [
        this.line("answered", 0, { fill: `${colour(0)}22` }),
        this.line("refused", 5),
        this.line("automated", 3),
      ],
      bands: [],
      data: [
        this.times(),
        this.slots.map((slot) => per(slot.clicks)),
        this.slots.map((slot) => per(slot.refused)),
        this.slots.map((slot) => per(sum(Object.values(slot.automated)))),
      ],
    };
  }

  inWords() {
    const clicks = this.slots.map((slot) => slot.clicks);
    const all = clicks.reduce((sum, count) => sum + count, 0);
    if (!all) return "No click was answered within the last hour.";
    const now = decimals.format(clicks.at(-1) / this.slotSeconds);
    const most = decimals.format(Math.max(...clicks) / this.slotSeconds);
    return `${now} now, ${most} at most, ${wholes.format(all)} clicks in all${this.automated()}`;
  }

  /** What no person has asked for, by what has, the most first; what was fetched ahead is no click. */
  automated() {
    const counts = new Map();
    for (const slot of this.slots) {
      for (const [reason, count] of Object.entries(slot.automated)) counts.set(reason, (counts.get(reason) ?? 0) + count);
    }
    if (!counts.size) return "";
    const parts = [...counts].sort(([, one], [, other]) => other - one);
    return `; automated: ${parts.map(([reason, count]) => `${wholes.format(count)} × ${this.short(reason)}`).join(", ")}`;
  }
}

export class LatencyChart extends Chart {
  splits() {
    return (_, __, low, high) => [0.1, 1, 10, 100, 1000].filter((value) => value >= low && value <= high);
  }

  /** A tenth of a millisecond and a second both matter, so each step up is ten times the last. */
  scale() {
    return { distr: 3, range: (_, low, high) => [0.1, Math.max(10, 10 ** Math.ceil(Math.log10(high || 10)))] };
  }

  described() {
    const names = ["half", "95 %", "99 %"];
    return {
      series: names.map((name, at) => this.line(`${name} below`, at, { points: LONELY })),
      bands: [],
      data: [this.times(), ...names.map((_, at) => this.slots.map((slot) => slot.latency[at]))],
    };
  }

  inWords() {
    const last = this.slots.findLast((slot) => slot.clicks);
    if (!last) return "No click was answered within the last hour.";
    const [half, , most] = last.latency.map((value) => decimals.format(value));
    return `The last answers: half of them within ${half} ms, 99 % within ${most} ms`;
  }
}

export class TypesChart extends Chart {
  /** Its table has the names and colours. */
  get hasLegend() {
    return false;
  }

  described() {
    const totals = this.totals().slice(0, COLOURS - 1);
    const rest = this.totals().slice(COLOURS - 1);
    const columns = totals.map(([name]) => this.slots.map((slot) => slot.types[name] ?? 0));
    const names = totals.map(([name]) => name);
    if (rest.length) {
      names.push("all others");
      columns.push(this.slots.map((slot) => rest.reduce((sum, [name]) => sum + (slot.types[name] ?? 0), 0)));
    }
    this.list(names, columns);
    return this.stacked(names, columns);
  }

  /** Each line lies on top of the ones before it, and the area between them is its own. */
  stacked(names, columns) {
    const data = [this.times()];
    const sums = this.slots.map(() => 0);
    for (const column of columns) {
      data.push(column.map((count, at) => (sums[at] += count / this.slotSeconds)));
    }
    const series = names.map((name, at) => this.line(name, at, { fill: `${colour(at)}55`, width: 1 }));
    const bands = names.slice(1).map((_, at) => ({ series: [at + 2, at + 1] }));
    return { series, bands, data };
  }

  /** The hour's clicks by type, as a table beside the picture. */
  list(names, columns) {
    const root = this.figure.querySelector("[data-types]");
    const counts = columns.map((column) => column.reduce((sum, count) => sum + count, 0));
    const all = counts.reduce((sum, count) => sum + count, 0);
    const rows = names.map((name, at) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      const swatch = document.createElement("span");
      swatch.className = `swatch series-${at}`;
      head.append(swatch, this.short(name));
      if (this.words[name]) {
        const code = document.createElement("a");
        code.className = "code";
        code.href = this.words[name].url;
        code.textContent = name;
        head.append(" ", code);
      }
      const count = document.createElement("td");
      count.className = "num";
      count.textContent = wholes.format(counts[at]);
      const share = document.createElement("td");
      share.className = "num quiet";
      share.textContent = `${decimals.format(Math.round((1000 * counts[at]) / all) / 10)} %`;
      row.append(head, count, share);
      return row;
    });
    if (!rows.length) {
      root.replaceChildren();
      return;
    }
    const table = document.createElement("table");
    const caption = document.createElement("caption");
    caption.className = "visually-hidden";
    caption.textContent = "Clicks of the last hour by redirect type";
    const body = document.createElement("tbody");
    body.append(...rows);
    table.append(caption, body);
    root.replaceChildren(table);
  }

  totals() {
    const sums = new Map();
    for (const slot of this.slots) {
      for (const [name, count] of Object.entries(slot.types)) sums.set(name, (sums.get(name) ?? 0) + count);
    }
    return [...sums].sort(([, one], [, other]) => other - one);
  }

  inWords() {
    const [first] = this.totals();
    if (!first) return "No click was answered within the last hour.";
    return `Most often “${this.short(first[0])}”: ${wholes.format(first[1])} times`;
  }
}
