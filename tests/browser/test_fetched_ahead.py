"""Fetched ahead: a real browser that prefetches an advert asks again when the person clicks."""

from playwright.sync_api import Browser, Request, Response

from tests.stacks import Stack


def test_a_prefetched_link_is_a_click_only_once_it_is_clicked(browser: Browser, stack: Stack) -> None:
    link = stack.links()[0]
    with browser.new_context() as context:
        page = context.new_page()
        advert = f'<link rel="prefetch" href="{link}"><a href="{link}">Buy</a>'
        page.route("**/advert", lambda route: route.fulfill(content_type="text/html", body=advert))

        def is_prefetch(response: Response) -> bool:
            return response.url == link

        with page.expect_response(is_prefetch) as ahead:
            page.goto(f"{stack.site_url}/advert")
        assert "prefetch" in ahead.value.request.all_headers()["sec-purpose"]
        assert ahead.value.status == 503

        seen: list[Request] = []
        page.on("request", lambda request: seen.append(request))
        page.get_by_text("Buy").click()
        page.wait_for_url(lambda url: not url.startswith(stack.site_url))
        response = seen[0].response()
        assert response
        assert (seen[0].url, response.status) == (link, 302)
