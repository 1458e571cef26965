#include "node/status/metrics_text.h"

#include <prometheus/text_serializer.h>

#include "fedcarbon/metrics/metric_families.h"

namespace fedcarbon::node {
namespace {

// Of both directions, as the node's end sees them.
prometheus::MetricFamily Counters(const char* name, const char* help, uint64_t sent, uint64_t received) {
  return CounterFamily(
      name, help,
      {CounterMetric(sent, {{"direction", "sent"}}), CounterMetric(received, {{"direction", "received"}})});
}

prometheus::ClientMetric Transport(const char* leg, const char* direction, uint64_t bytes) {
  return CounterMetric(bytes, {{"leg", leg}, {"direction", direction}});
}

}  // namespace

std::string MetricsText(const ProxyMetrics& metrics) {
  return prometheus::TextSerializer().Serialize({
      CounterFamily("fedcarbon_node_connections_accepted_total", "Connections accepted from clients.",
                    metrics.connections_accepted),
      GaugeFamily("fedcarbon_node_connections_open", "Connections of clients that are open.",
                  metrics.connections_open),
      CounterFamily("fedcarbon_node_connections_reset_total",
                    "Connections that a reset of either side ended.", metrics.connections_reset),
      CounterFamily("fedcarbon_node_upstream_failures_total",
                    "Upstream connections that were refused, unreachable, not resolved or timed out.",
                    metrics.upstream_failures),
      CounterFamily("fedcarbon_node_handshake_failures_total", "TLS handshakes that failed, on either leg.",
                    metrics.handshake_failures),
      CounterFamily(
          "fedcarbon_node_accept_pauses_total",
          "Times that no connection was accepted for a while: at their limit, or out of descriptors.",
          metrics.accept_pauses),
      GaugeFamily("fedcarbon_node_held_bytes", "Bytes that were read and are not written yet.",
                  metrics.held_bytes),
      CounterFamily("fedcarbon_node_transport_bytes_total",
                    "Bytes of connections, TLS and framing included, as the proxy received and sent them.",
                    {Transport("downstream", "received", metrics.downstream_received_bytes),
                     Transport("downstream", "sent", metrics.downstream_sent_bytes),
                     Transport("upstream", "received", metrics.upstream_received_bytes),
                     Transport("upstream", "sent", metrics.upstream_sent_bytes)}),
      CounterFamily("fedcarbon_node_calls_started_total", "Calls seen.", metrics.calls_started),
      CounterFamily("fedcarbon_node_calls_ended_total",
                    "Calls that ended with a status; the others were cut.", metrics.calls_ended),
      Counters("fedcarbon_node_messages_total",
               "Messages of calls, as the node's end sent and received them.", metrics.messages_sent,
               metrics.messages_received),
      Counters("fedcarbon_node_message_bytes_total", "Bytes of messages as they travel: encoded.",
               metrics.message_sent_bytes, metrics.message_received_bytes),
      CounterFamily(
          "fedcarbon_node_losses_total",
          "Calls and connections that could not be decoded to their end. They were forwarded all the same.",
          metrics.gaps),
      CounterFamily("fedcarbon_node_undecoded_bytes_total",
                    "Bytes that were forwarded without being decoded.", metrics.undecoded_bytes),
      CounterFamily("fedcarbon_node_kernel_checked_total", "Connections whose bytes the kernel counted too.",
                    metrics.kernel_checked),
      CounterFamily("fedcarbon_node_kernel_differed_total", "Connections where the kernel counted otherwise.",
                    metrics.kernel_differed),
  });
}

}  // namespace fedcarbon::node
