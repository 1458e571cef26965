#include "fedcarbon/meter/describe_machine.h"

#include <gtest/gtest.h>
#include <sys/sysinfo.h>

#include <thread>

namespace fedcarbon {
namespace {

TEST(DescribeMachineTest, SaysWhatTheSystemSaysAndNothingOfThePlace) {
  const v1::Node node = DescribeThisMachine();
  EXPECT_EQ(node.cpu_cores(), static_cast<uint32_t>(get_nprocs()));
  struct sysinfo info;
  ASSERT_EQ(sysinfo(&info), 0);
  EXPECT_EQ(node.memory_bytes(), uint64_t{info.totalram} * info.mem_unit);
  EXPECT_EQ(node.country(), "");
  EXPECT_EQ(node.link(), v1::LINK_KIND_UNSPECIFIED);
  EXPECT_FALSE(node.has_pue_thousandths());
#if defined(__x86_64__)
  EXPECT_NE(node.cpu_model(), "");
#endif
}

}  // namespace
}  // namespace fedcarbon
