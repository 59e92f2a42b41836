"""What the words mean, in a browser."""

from playwright.sync_api import Page, expect

from tests.browser.views import assert_view

REFERENCE = "/admin/diagnostics/reference/"


def test_every_word_has_a_card(page: Page) -> None:
    page.goto(REFERENCE)
    expect(page.get_by_role("heading", name="Country not allowed")).to_be_visible()
    expect(page.get_by_role("heading", name="Campaign not active")).to_be_visible()
    expect(page.get_by_role("heading", name="A link preview")).to_be_visible()
    assert_view(page, "reference")


def test_a_code_of_the_click_list_leads_to_what_it_means(page: Page) -> None:
    page.goto("/admin/diagnostics/clicks/?redirect_type=country not allowed")
    row = page.locator("table.clicks tbody tr").first
    expect(row).to_contain_text("country not allowed")
    row.get_by_role("link", name="offerGeoRestriction").click()
    expect(page.locator(":target")).to_contain_text("Country not allowed")


def test_a_code_of_the_chart_s_legend_leads_to_what_it_means(page: Page) -> None:
    page.goto("/admin/diagnostics/")
    legend = page.locator("#chart-types .types")
    expect(legend).to_contain_text("as the link says")
    legend.get_by_role("link", name="defaultRedirection").click()
    expect(page.locator(":target")).to_contain_text("As the link says")
