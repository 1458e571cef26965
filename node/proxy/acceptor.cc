#include "node/proxy/acceptor.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace fedcarbon::node {
namespace {

// Before others have their turn.
constexpr int kMaxAccepted = 64;

// The file that is there; none if there is none.
std::optional<std::pair<dev_t, ino_t>> FileAt(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return std::nullopt;
  return std::pair(info.st_dev, info.st_ino);
}

}  // namespace

Acceptor::Acceptor(FileDescriptor listening, std::shared_ptr<Route> route, size_t limit, EventLoop* loop,
                   ProxyMetrics* metrics, Take take)
    : listening_(std::move(listening)),
      route_(std::move(route)),
      unix_file_(FileAt(route_->options.listen.unix_path)),
      limit_(limit),
      loop_(loop),
      metrics_(metrics),
      take_(std::move(take)) {}

Acceptor::~Acceptor() {
  if (has_begun_) loop_->Forget(listening_.get(), this);
  const std::string& path = route_->options.listen.unix_path;
  if (unix_file_.has_value() && unix_file_ == FileAt(path)) unlink(path.c_str());
}

void Acceptor::Begin() {
  has_begun_ = true;
  Resume();
}

void Acceptor::Resume() {
  if (!is_watched_) {
    is_watched_ = loop_->Watch(listening_.get(), this);  // and hears of what waits already
  } else if (is_paused_) {
    OnEvents(0);
  }
}

void Acceptor::SetRoute(std::shared_ptr<Route> route, size_t limit) {
  route_ = std::move(route);
  limit_ = limit;
}

void Acceptor::OnEvents(uint32_t) {
  const bool was_paused = std::exchange(is_paused_, false);
  for (int i = 0; i < kMaxAccepted; ++i) {
    const bool is_full =
        metrics_->connections_open.load(std::memory_order_relaxed) >= static_cast<int64_t>(limit_);
    FileDescriptor client(
        is_full ? -1 : accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.is_open()) {
      Count(&metrics_->connections_accepted);
      metrics_->connections_open.fetch_add(1, std::memory_order_relaxed);
      take_(std::move(client), route_);
    } else if (!is_full && errno == EAGAIN) {
      return;
    } else if (is_full || errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (!was_paused || i > 0) Count(&metrics_->accept_pauses);
      is_paused_ = true;
      return;
    }  // else that connection has gone before it was taken
  }
  loop_->Requeue(this);
}

}  // namespace fedcarbon::node
