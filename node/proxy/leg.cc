#include "node/proxy/leg.h"

#include "node/proxy/relay.h"

namespace fedcarbon::node {

void Leg::OnEvents(uint32_t events) {
  is_readable = is_readable || (events & ~uint32_t{EPOLLOUT}) != 0 || tls != nullptr;
  is_writable = is_writable || (events & EPOLLOUT) != 0;
  is_ending = is_ending || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0;
  relay->OnLegReady(this, (events & EPOLLERR) != 0);
}

}  // namespace fedcarbon::node
