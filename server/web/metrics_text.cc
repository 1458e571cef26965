#include "server/web/metrics_text.h"

#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fedcarbon/metrics/metric_families.h"

namespace fedcarbon::server {

std::string MetricsText(const Metrics& metrics) {
  std::vector<prometheus::ClientMetric> requests;
  for (size_t digit = 2; digit < metrics.http_requests.size(); ++digit) {
    requests.push_back(CounterMetric(metrics.http_requests[digit], {{"code", absl::StrCat(digit, "xx")}}));
  }
  return prometheus::TextSerializer().Serialize({
      CounterFamily("fedcarbon_server_batch_received_total",
                    "Sealed batches received, by what became of them.",
                    {CounterMetric(metrics.batches_accepted, {{"result", "accepted"}}),
                     CounterMetric(metrics.batches_duplicate, {{"result", "duplicate"}}),
                     CounterMetric(metrics.batches_refused, {{"result", "refused"}})}),
      CounterFamily("fedcarbon_server_batch_received_bytes_total", "Bytes of sealed batches received.",
                    metrics.batch_bytes),
      GaugeFamily("fedcarbon_server_report_streams", "Report streams that are open.", metrics.report_streams),
      HistogramFamily("fedcarbon_server_commit_duration_seconds",
                      "Time that the store took to commit a group of batches.", metrics.commit.Collect()),
      CounterFamily("fedcarbon_server_http_requests_total", "HTTP requests answered, by class of status.",
                    std::move(requests)),
  });
}

}  // namespace fedcarbon::server
