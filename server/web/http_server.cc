#include "server/web/http_server.h"

#include <httplib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fedcarbon/sync/mutex.h"
#include "server/web/connection.h"

namespace fedcarbon::server {
namespace {

constexpr size_t kThreads = 8;
constexpr size_t kMaxWaiting = 64;

// httplib's own queue has no bound. Here the thread that accepts waits while the queue is full.
class BoundedThreadPool : public httplib::TaskQueue {
 public:
  BoundedThreadPool() {
    for (size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Work(); });
  }

  void enqueue(std::function<void()> task) override {
    MutexLock lock(&mutex_);
    while (tasks_.size() >= kMaxWaiting) changed_.Wait(&mutex_);
    tasks_.push_back(std::move(task));
    changed_.NotifyAll();
  }

  void shutdown() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Work() {
    while (std::function<void()> task = Next()) task();
  }

  // Empty: none will come.
  std::function<void()> Next() {
    MutexLock lock(&mutex_);
    while (tasks_.empty() && !stopping_) changed_.Wait(&mutex_);
    if (tasks_.empty()) return nullptr;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    changed_.NotifyAll();
    return task;
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

void Write(const Response& from, httplib::Response& to) {
  to.status = from.status;
  for (const auto& [name, value] : HeaderFields(from)) to.set_header(name, value);
  if (!from.content_type.empty()) to.set_content(from.body, from.content_type);
}

}  // namespace

class HttpServer::Impl : public httplib::Server {
 public:
  Impl(const HttpLimits& limits, Site* site) : limits_(limits), stop_fd_(eventfd(0, EFD_CLOEXEC)) {
    new_task_queue = [] { return new BoundedThreadPool; };
    // Without SO_REUSEPORT, httplib's default: a port that another coordinator uses must be an error.
    set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    set_pre_routing_handler([site](const httplib::Request& request, httplib::Response& response) {
      Write(site->Answer({request.method, request.target, request.get_header_value("If-None-Match")}),
            response);
      return HandlerResponse::Handled;
    });
    // What httplib itself refuses: no HTTP, an over-long target, more bytes than a request may have.
    set_error_handler(HandlerWithResponse([this](const httplib::Request&, httplib::Response& response) {
      if (response.has_header("Cache-Control")) return HandlerResponse::Unhandled;  // the site's own answer
      const std::string message =
          absl::StrCat("the request is not HTTP/1.1, or is larger than ", limits_.request_bytes,
                       " bytes, or its first line than ", kMaxRequestLineBytes, " bytes");
      Write(ErrorResponse(absl::InvalidArgumentError(message), response.status), response);
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
      (void)!write(stop_fd_, &one, sizeof(one));
      stop();
      thread_.join();
    }
    close(stop_fd_);
  }

  void Run() {
    ::listen(svr_sock_, SOMAXCONN);  // httplib's backlog of 5 makes a browser's connections wait for a second
    thread_ = std::thread([this] { listen_after_bind(); });
    // httplib loses a stop() that comes before its loop runs.
    while (!is_running()) std::this_thread::yield();
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    Connection connection(socket, stop_fd_, limits_);
    bool closed = false;
    return process_request(connection, /*close_connection=*/true, closed, [](httplib::Request& request) {
      // Answers are small and strong ETags name their bytes: no part of one, no other coding.
      request.ranges.clear();
      request.headers.erase("Accept-Encoding");
    });
  }

  const HttpLimits limits_;
  const int stop_fd_;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const Options& options, Site* site) {
  auto impl = std::make_unique<Impl>(options.limits, site);
  errno = 0;
  int port = options.port;
  if (port == 0) {
    port = impl->bind_to_any_port(options.host);
  } else if (!impl->bind_to_port(options.host, port)) {
    port = -1;
  }
  if (port < 0) {
    return absl::UnavailableError(
        absl::StrCat("HTTP cannot listen on ", options.host, ":", options.port, ": ",
                     errno == 0 ? "not an address of this machine" : std::strerror(errno),
                     "; choose another with --http"));
  }
  impl->Run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl), port));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl, int port) : impl_(std::move(impl)), port_(port) {}
HttpServer::~HttpServer() = default;

}  // namespace fedcarbon::server
