#include "server/web/assets.h"

#include <map>
#include <string_view>

namespace fedcarbon::embedded {
extern const std::string_view chart_js;
extern const std::string_view favicon_svg;
extern const std::string_view index_html;
extern const std::string_view page_js;
extern const std::string_view style_css;
}  // namespace fedcarbon::embedded

namespace fedcarbon::server {
namespace {

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
      {"chart.js", Asset(embedded::chart_js, "text/javascript; charset=utf-8")},
      {"favicon.svg", Asset(embedded::favicon_svg, "image/svg+xml")},
      {"page.js", Asset(embedded::page_js, "text/javascript; charset=utf-8")},
      {"style.css", Asset(embedded::style_css, "text/css; charset=utf-8")},
  };
  const auto found = kAssets->find(name);
  return found == kAssets->end() ? nullptr : &found->second;
}

}  // namespace fedcarbon::server
