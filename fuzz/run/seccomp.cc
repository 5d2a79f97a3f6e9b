// Any text as a profile: refused with a sentence, or a program that the kernel's checker would
// take.
#include "run/seccomp.h"

#include <cstdlib>
#include <cstring>
#include <linux/filter.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto program = run::compile_seccomp(text, size);
    if (!program) {
        if (program.error().message().empty()) std::abort();
        return 0;
    }
    std::size_t count = program->size() / sizeof(sock_filter);
    if (program->size() % sizeof(sock_filter) != 0 || count > BPF_MAXINSNS) std::abort();
    for (std::size_t at = 0; at < count; ++at) {
        sock_filter in;
        std::memcpy(&in, program->data() + at * sizeof in, sizeof in);
        bool always = in.code == (BPF_JMP | BPF_JA);
        std::size_t far = always ? in.k : std::max(in.jt, in.jf);
        if (BPF_CLASS(in.code) == BPF_JMP && at + 1 + far >= count) std::abort();
        if (at + 1 == count && BPF_CLASS(in.code) != BPF_RET) std::abort();
    }
    return 0;
}
