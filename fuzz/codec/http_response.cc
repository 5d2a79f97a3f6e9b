#include "http_parse.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    http_fuzz(codec::http1::Side::response, data, size);
    return 0;
}
