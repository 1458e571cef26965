#include "fedcarbon/metrics/metric_families.h"

#include <prometheus/metric_type.h>

#include <utility>

namespace fedcarbon {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

MetricFamily Family(const char* name, const char* help, MetricType type, std::vector<ClientMetric> metrics) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  family.metric = std::move(metrics);
  return family;
}

}  // namespace

ClientMetric CounterMetric(uint64_t value, std::vector<ClientMetric::Label> labels) {
  ClientMetric metric;
  metric.counter.value = static_cast<double>(value);
  metric.label = std::move(labels);
  return metric;
}

MetricFamily CounterFamily(const char* name, const char* help, std::vector<ClientMetric> metrics) {
  return Family(name, help, MetricType::Counter, std::move(metrics));
}

MetricFamily CounterFamily(const char* name, const char* help, uint64_t value) {
  return CounterFamily(name, help, {CounterMetric(value)});
}

MetricFamily GaugeFamily(const char* name, const char* help, int64_t value) {
  ClientMetric metric;
  metric.gauge.value = static_cast<double>(value);
  return Family(name, help, MetricType::Gauge, {metric});
}

MetricFamily HistogramFamily(const char* name, const char* help, ClientMetric metric) {
  return Family(name, help, MetricType::Histogram, {std::move(metric)});
}

}  // namespace fedcarbon
