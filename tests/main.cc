// main() of every test program: `unit.net` runs all its tests, `unit.net address_test.cc` those of one file.
#include <gmock/gmock.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

/// Names the tests of `file` as --gtest_filter does; empty if there are none.
std::string FilterOf(std::string_view file) {
  const std::string ending = "/" + std::string(file);
  std::string filter;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const testing::TestInfo& test = *suite.GetTestInfo(j);
      const std::string_view path = test.file();
      if (path.size() < ending.size() || path.substr(path.size() - ending.size()) != ending) continue;
      filter += std::string(suite.name()) + "." + test.name() + ":";
    }
  }
  return filter;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (argc > 1) {
    const std::string filter = FilterOf(argv[1]);
    if (filter.empty()) {
      std::fprintf(stderr, "%s: no tests from a file %s\n", argv[0], argv[1]);
      return 2;
    }
    // Whoever says more than the file means it: a person, or gtest where it starts a death test anew.
    if (GTEST_FLAG_GET(filter) == "*") GTEST_FLAG_SET(filter, filter);
  }
  return RUN_ALL_TESTS();
}
