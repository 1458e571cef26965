#include "fedcarbon/http/http_server.h"

#include <httplib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "fedcarbon/http/http_connection.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {
namespace {

// httplib's own queue has no bound. Here the thread that accepts waits while the others are busy.
class BoundedThreadPool : public httplib::ThreadPool {
 public:
  explicit BoundedThreadPool(size_t threads) : ThreadPool(threads), idle_(threads) {}

  void enqueue(std::function<void()> task) override {
    MutexLock lock(&mutex_);
    while (idle_ == 0) freed_.Wait(&mutex_);
    --idle_;
    ThreadPool::enqueue([this, task = std::move(task)] {
      task();
      MutexLock freed(&mutex_);
      ++idle_;
      freed_.NotifyAll();
    });
  }

 private:
  Mutex mutex_;
  CondVar freed_;
  size_t idle_ ABSL_GUARDED_BY(mutex_);
};

void Write(HttpResponse from, httplib::Response* to) {
  to->status = from.status;
  for (const auto& [name, value] : from.fields) to->set_header(name, value);
  if (from.content_type.empty()) return;
  to->set_header("Content-Type", from.content_type);
  to->body = std::move(from.body);
}

}  // namespace

class HttpServer::Impl : public httplib::Server {
 public:
  Impl(const HttpLimits& limits, HttpHandler* handler) : limits_(limits), stop_(eventfd(0, EFD_CLOEXEC)) {
    new_task_queue = [this] { return new BoundedThreadPool(limits_.connections); };
    // Without SO_REUSEPORT, httplib's default: a port that another process uses must be an error.
    set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    set_pre_routing_handler([handler](const httplib::Request& request, httplib::Response& response) {
      Write(handler->Handle({request.method, request.target, request.get_header_value("If-None-Match")}),
            &response);
      return HandlerResponse::Handled;
    });
    // What httplib itself refuses: no HTTP, an over-long target, more bytes than a request may have.
    set_error_handler(
        HandlerWithResponse([this, handler](const httplib::Request&, httplib::Response& response) {
          if (response.has_header("Content-Type")) return HandlerResponse::Unhandled;  // the handler's answer
          const std::string why =
              absl::StrCat("the request is not HTTP/1.1, or is larger than ", limits_.request_bytes,
                           " bytes, or its first line than ", kMaxRequestLineBytes, " bytes");
          Write(handler->Refuse(response.status, why), &response);
          return HandlerResponse::Handled;
        }));
    set_post_routing_handler([](const httplib::Request&, httplib::Response& response) {
      response.headers.erase("Accept-Ranges");
      if (response.status == 304) response.headers.erase("Content-Length");
    });
  }

  ~Impl() override {
    if (thread_.joinable()) {
      const uint64_t one = 1;
      (void)!::write(stop_, &one, sizeof(one));
      stop();
      thread_.join();
    }
    close(stop_);
  }

  void Run() {
    ::listen(svr_sock_, SOMAXCONN);  // httplib's backlog of 5 makes a browser's connections wait for a second
    thread_ = std::thread([this] { listen_after_bind(); });
    // httplib loses a stop() that comes before its loop runs.
    while (!is_running()) std::this_thread::yield();
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    HttpConnection connection(socket, stop_, limits_);
    bool closed = false;
    return process_request(connection, /*close_connection=*/true, closed, [](httplib::Request& request) {
      // Answers are small and strong ETags name their bytes: no part of one, no other coding.
      request.ranges.clear();
      request.headers.erase("Accept-Encoding");
    });
  }

  const HttpLimits limits_;
  const int stop_;  // an event that is readable once the server stops
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const Address& address,
                                                              const HttpLimits& limits,
                                                              HttpHandler* handler) {
  auto impl = std::make_unique<Impl>(limits, handler);
  errno = 0;
  int port = address.port;
  if (port == 0) {
    port = impl->bind_to_any_port(address.host);
  } else if (!impl->bind_to_port(address.host, port)) {
    port = -1;
  }
  if (port < 0) {
    return absl::UnavailableError(
        absl::StrCat("HTTP cannot listen on ", address.text(), ": ",
                     errno == 0 ? "not an address of this machine" : std::strerror(errno),
                     "; choose another with --http"));
  }
  impl->Run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl), {address.host, port}));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl, const Address& listening)
    : impl_(std::move(impl)), listening_(listening) {}
HttpServer::~HttpServer() = default;

}  // namespace fedcarbon
