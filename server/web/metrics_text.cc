#include "server/web/metrics_text.h"

#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace fedcarbon::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric Counted(uint64_t value) {
  ClientMetric metric;
  metric.counter.value = static_cast<double>(value);
  return metric;
}

ClientMetric Counted(uint64_t value, const char* label, const std::string& label_value) {
  ClientMetric metric = Counted(value);
  metric.label.push_back({label, label_value});
  return metric;
}

MetricFamily Family(const char* name, const char* help, MetricType type, std::vector<ClientMetric> metrics) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  family.metric = std::move(metrics);
  return family;
}

}  // namespace

std::string MetricsText(const Metrics& metrics) {
  ClientMetric streams;
  streams.gauge.value = static_cast<double>(metrics.report_streams);
  std::vector<ClientMetric> requests;
  for (size_t digit = 2; digit < metrics.http_requests.size(); ++digit) {
    requests.push_back(Counted(metrics.http_requests[digit], "code", absl::StrCat(digit, "xx")));
  }
  return prometheus::TextSerializer().Serialize({
      Family("fedcarbon_server_batch_received_total", "Sealed batches received, by what became of them.",
             MetricType::Counter,
             {Counted(metrics.batches_accepted, "result", "accepted"),
              Counted(metrics.batches_duplicate, "result", "duplicate"),
              Counted(metrics.batches_refused, "result", "refused")}),
      Family("fedcarbon_server_batch_received_bytes_total", "Bytes of sealed batches received.",
             MetricType::Counter, {Counted(metrics.batch_bytes)}),
      Family("fedcarbon_server_report_streams", "Report streams that are open.", MetricType::Gauge,
             {streams}),
      Family("fedcarbon_server_commit_duration_seconds",
             "Time that the store took to commit a group of batches.", MetricType::Histogram,
             {metrics.commit.Collect()}),
      Family("fedcarbon_server_http_requests_total", "HTTP requests answered, by class of status.",
             MetricType::Counter, std::move(requests)),
  });
}

}  // namespace fedcarbon::server
