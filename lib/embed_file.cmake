# Writes OUTPUT, a C++ source that holds the bytes of INPUT as SYMBOL. Run by fedcarbon_embed.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" length)
math(EXPR size "${length} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "#include <string_view>
namespace fedcarbon::embedded {
namespace {
constexpr unsigned char ${SYMBOL}_bytes[] = {${bytes}0};
}
extern const std::string_view ${SYMBOL};
const std::string_view ${SYMBOL}(reinterpret_cast<const char*>(${SYMBOL}_bytes), ${size});
}  // namespace fedcarbon::embedded
")
