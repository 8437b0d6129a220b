/* The standard library seeds its hash maps with getrandom(2), through a symbol that it lets programs replace ("a weak
 * symbol allows interposition, e.g. for perf measurements that want to disable randomness"), and tokio seeds the order in
 * which it polls with a hash of that. In a simulation nothing may be left to chance, so it gets the same bytes each time.
 * Linked into this crate's own programs and tests only. */
#include <string.h>
#include <sys/types.h>

ssize_t getrandom(void *bytes, size_t length, unsigned int flags) {
    (void)flags;
    memset(bytes, 42, length);
    return (ssize_t)length;
}
