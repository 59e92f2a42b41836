"""The panels' URLs, all of them for staff only."""

from django.urls import URLPattern, path, register_converter
from django.urls.converters import IntConverter

from cotraffic.diagnostics.access import View, staff_only
from cotraffic.diagnostics.actions import view as actions
from cotraffic.diagnostics.clicks import detail_view, recent_view
from cotraffic.diagnostics.explain import view as explain
from cotraffic.diagnostics.overview import traffic
from cotraffic.diagnostics.overview import view as overview
from cotraffic.diagnostics.preview import view as preview
from cotraffic.diagnostics.records import view as records
from cotraffic.diagnostics.reference import view as reference
from cotraffic.diagnostics.refusals import view as refused
from cotraffic.diagnostics.reports import saved_view
from cotraffic.diagnostics.reports import view as reports

app_name = "diagnostics"


class _IdConverter(IntConverter):
    """A number that can be an id: recipes have none of more digits."""

    regex = "[0-9]{1,18}"


register_converter(_IdConverter, "id")


def _staff_path(route: str, view: View, name: str) -> URLPattern:
    return path(route, staff_only(view), name=name)


urlpatterns = [
    _staff_path("", overview.page, "overview"),
    _staff_path("parts/", overview.parts, "parts"),
    _staff_path("workers/", overview.workers, "workers"),
    _staff_path("traffic/", traffic.fragment, "traffic"),
    _staff_path("charts/", overview.charts, "charts"),
    _staff_path("reports/", reports.page, "reports"),
    _staff_path("reports/clicks/", reports.clicks, "report_clicks"),
    _staff_path("reports/values/", reports.values, "report_values"),
    _staff_path("reports/fetch/", reports.fetch, "report_fetch"),
    _staff_path("reports/download/", reports.download, "report_download"),
    _staff_path("reports/views/save/", saved_view.save, "save_view"),
    _staff_path("reports/views/<id:view_id>/change/", saved_view.change, "change_view"),
    _staff_path("reports/views/<id:view_id>/delete/", saved_view.delete, "delete_view"),
    _staff_path("explain/", explain.page, "explain"),
    _staff_path("clicks/", recent_view.page, "clicks"),
    _staff_path("clicks/find/", detail_view.find, "find_click"),
    _staff_path("clicks/new/", recent_view.new, "new_clicks"),
    _staff_path("clicks/<str:lid>/", detail_view.page, "click"),
    _staff_path("records/", records.page, "records"),
    _staff_path("records/affiliates/<id:affiliate_id>/", records.affiliate, "affiliate"),
    _staff_path("records/<str:kind>/<id:record_id>/", records.record, "record"),
    _staff_path("records/offers/<id:record_id>/used/<str:relation>/", records.users, "record_users"),
    _staff_path("preview/", preview.page, "preview"),
    _staff_path("preview/progress/", preview.progress, "preview_progress"),
    _staff_path("preview/start/", preview.start, "preview_start"),
    _staff_path("preview/go-on/", preview.go_on, "preview_go_on"),
    _staff_path("preview/decide/<str:decision>/", preview.decide, "preview_decide"),
    _staff_path("refused/", refused.page, "refused"),
    _staff_path("refused/newest/", refused.fragment, "refusals"),
    _staff_path("actions/", actions.page, "actions"),
    _staff_path("actions/progress/", actions.progress, "progress"),
    _staff_path("actions/<slug:name>/", actions.start, "start"),
    _staff_path("reference/", reference.page, "reference"),
]
