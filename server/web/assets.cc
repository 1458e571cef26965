#include "server/web/assets.h"

#include <map>
#include <string_view>

namespace fedcarbon::embedded {
extern const std::string_view api_js;
extern const std::string_view chart_js;
extern const std::string_view dom_js;
extern const std::string_view favicon_svg;
extern const std::string_view format_js;
extern const std::string_view index_html;
extern const std::string_view page_js;
extern const std::string_view rounds_chart_js;
extern const std::string_view run_tables_js;
extern const std::string_view style_css;
}  // namespace fedcarbon::embedded

namespace fedcarbon::server {
namespace {

constexpr char kScript[] = "text/javascript; charset=utf-8";

Response Asset(std::string_view content, const char* type) {
  Response response;
  response.content_type = type;
  response.body = std::string(content);
  response.etag = ContentETag(response.body);
  return response;
}

}  // namespace

const Response* FindAsset(const std::string& name) {
  static const auto* const kAssets = new std::map<std::string, Response>{
      {"", Asset(embedded::index_html, "text/html; charset=utf-8")},
      {"api.js", Asset(embedded::api_js, kScript)},
      {"chart.js", Asset(embedded::chart_js, kScript)},
      {"dom.js", Asset(embedded::dom_js, kScript)},
      {"favicon.svg", Asset(embedded::favicon_svg, "image/svg+xml")},
      {"format.js", Asset(embedded::format_js, kScript)},
      {"page.js", Asset(embedded::page_js, kScript)},
      {"rounds_chart.js", Asset(embedded::rounds_chart_js, kScript)},
      {"run_tables.js", Asset(embedded::run_tables_js, kScript)},
      {"style.css", Asset(embedded::style_css, "text/css; charset=utf-8")},
  };
  const auto found = kAssets->find(name);
  return found == kAssets->end() ? nullptr : &found->second;
}

}  // namespace fedcarbon::server
