#include "node/status/status_server.h"

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "node/status/metrics_text.h"

namespace fedcarbon::node {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

constexpr char kPlainText[] = "text/plain; charset=utf-8";

Response Answer(http::status status, const char* content_type, std::string body) {
  Response response(status, 11);
  response.set(http::field::content_type, content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.body() = std::move(body);
  response.keep_alive(false);
  response.prepare_payload();
  return response;
}

Response Answer(const Request& request, const ProxyMetrics& metrics, bool serving) {
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    Response response = Answer(http::status::method_not_allowed, kPlainText, "only GET and HEAD\n");
    response.set(http::field::allow, "GET, HEAD");
    return response;
  }
  const auto path = request.target().substr(0, request.target().find('?'));
  if (path == "/metrics") return Answer(http::status::ok, kMetricsContentType, MetricsText(metrics));
  if (path == "/healthz" && serving) return Answer(http::status::ok, kPlainText, "ok\n");
  if (path == "/healthz") return Answer(http::status::service_unavailable, kPlainText, "not serving\n");
  return Answer(http::status::not_found, kPlainText, "there are /healthz and /metrics\n");
}

// What all connections share.
struct Shared {
  const ProxyMetrics* metrics;
  StatusLimits limits;
  std::atomic<bool> serving{false};
};

// One connection: a request, its answer, the close. It keeps itself alive until then.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const Shared* shared, std::function<void()> closed)
      : stream_(std::move(socket)),
        buffer_(shared->limits.request_bytes),
        shared_(shared),
        closed_(std::move(closed)) {
    parser_.header_limit(static_cast<uint32_t>(shared->limits.request_bytes));
  }
  ~Connection() { closed_(); }

  void Run() {
    stream_.expires_after(absl::ToChronoNanoseconds(shared_->limits.total));
    http::async_read_header(stream_, buffer_, parser_,
                            [self = shared_from_this()](error_code error, size_t head) {
                              if (!error && head > self->shared_->limits.request_bytes) {
                                error = http::error::header_limit;
                              }
                              self->Write(error);
                            });
  }

 private:
  void Write(error_code error) {
    static const auto& http_errors = http::make_error_code(http::error::end_of_stream).category();
    if (!error) {
      response_ = Answer(parser_.get(), *shared_->metrics, shared_->serving);
    } else if (error != http::error::end_of_stream && error.category() == http_errors) {
      response_ = Answer(http::status::bad_request, kPlainText,
                         absl::StrCat("the request is not HTTP/1.1, or its head larger than ",
                                      shared_->limits.request_bytes, " bytes\n"));
    } else {
      return;  // closed, reset or too slow
    }
    serializer_.emplace(response_);
    serializer_->split(true);
    http::async_write_header(stream_, *serializer_, [self = shared_from_this()](error_code failed, size_t) {
      if (!failed) self->WriteBody();
    });
  }

  void WriteBody() {
    if (parser_.get().method() == http::verb::head) return Close();
    http::async_write(stream_, *serializer_, [self = shared_from_this()](error_code failed, size_t) {
      if (!failed) self->Close();
    });
  }

  // What is unread when a socket closes makes the kernel reset the connection, and the answer may be lost
  // with it: so the rest is read, until the other side closes or its time is over.
  void Close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    Discard();
  }

  void Discard() {
    stream_.async_read_some(asio::buffer(rest_), [self = shared_from_this()](error_code failed, size_t) {
      if (!failed) self->Discard();
    });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;  // of limited size; the parser takes the request line out before the rest
  http::request_parser<http::empty_body> parser_;
  Response response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  std::array<char, 4'096> rest_;
  const Shared* const shared_;
  const std::function<void()> closed_;
};

}  // namespace

class StatusServer::Impl {
 public:
  Impl(const ProxyMetrics* metrics, const StatusLimits& limits) : shared_{metrics, limits} {}

  ~Impl() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    stopping_ = true;
  }

  absl::Status Start(const Address& address) {
    error_code error;
    const auto found = tcp::resolver(context_).resolve(address.host, std::to_string(address.port),
                                                       tcp::resolver::passive, error);
    if (!error) Listen(*found.begin(), &error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("http cannot listen on ", address.text(), ": ",
                                                 error.message(), "; choose another place with --http"));
    }
    listening_ = {address.host, acceptor_.local_endpoint().port()};
    Accept();
    thread_ = std::thread([this] { context_.run(); });
    return absl::OkStatus();
  }

  Shared& shared() { return shared_; }
  const Address& listening() const { return listening_; }

 private:
  void Listen(const tcp::endpoint& endpoint, error_code* error) {
    acceptor_.open(endpoint.protocol(), *error);
    if (!*error) acceptor_.set_option(tcp::acceptor::reuse_address(true), *error);
    if (!*error) acceptor_.bind(endpoint, *error);
    if (!*error) acceptor_.listen(asio::socket_base::max_listen_connections, *error);
  }

  void Accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error) return Retry();
      ++open_;
      std::make_shared<Connection>(std::move(socket), &shared_, [this] { OnClosed(); })->Run();
      if (open_ < shared_.limits.connections) Accept();
    });
  }

  void OnClosed() {
    if (open_-- == shared_.limits.connections && !stopping_) Accept();
  }

  // Out of descriptors, most likely: the connection stays where it is, and would be reported again at once.
  void Retry() {
    timer_.expires_after(std::chrono::milliseconds(100));
    timer_.async_wait([this](error_code error) {
      if (!error) Accept();
    });
  }

  Shared shared_;
  size_t open_ = 0;  // connections; the last ones end with the context
  bool stopping_ = false;
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer timer_{context_};
  Address listening_;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<StatusServer>> StatusServer::Start(const Address& address,
                                                                  const ProxyMetrics* metrics,
                                                                  const StatusLimits& limits) {
  auto impl = std::make_unique<Impl>(metrics, limits);
  const absl::Status started = impl->Start(address);
  if (!started.ok()) return started;
  return std::unique_ptr<StatusServer>(new StatusServer(std::move(impl)));
}

StatusServer::StatusServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StatusServer::~StatusServer() = default;

void StatusServer::set_serving(bool serving) { impl_->shared().serving = serving; }
const Address& StatusServer::listening() const { return impl_->listening(); }

}  // namespace fedcarbon::node
