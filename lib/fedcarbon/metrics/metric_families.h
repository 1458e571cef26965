// What a program counted about itself, as families of metrics for Prometheus. Pure functions: thread-safe,
// and never fail. Only for sources that write metrics out: nobody else needs to know prometheus-cpp.
#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <cstdint>
#include <vector>

namespace fedcarbon {

/// Of the text that prometheus::TextSerializer writes.
inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

/// One member of a family of counters.
prometheus::ClientMetric CounterMetric(uint64_t value,
                                       std::vector<prometheus::ClientMetric::Label> labels = {});

prometheus::MetricFamily CounterFamily(const char* name, const char* help,
                                       std::vector<prometheus::ClientMetric> metrics);
prometheus::MetricFamily CounterFamily(const char* name, const char* help, uint64_t value);
prometheus::MetricFamily GaugeFamily(const char* name, const char* help, int64_t value);
/// `metric` is what a prometheus::Histogram collected.
prometheus::MetricFamily HistogramFamily(const char* name, const char* help, prometheus::ClientMetric metric);

}  // namespace fedcarbon
