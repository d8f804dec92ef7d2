/* What the benchmarks of policy ask about; see bench_system.h. */
#include "bench_system.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/text.h"

#define MAX_TEXT_BYTES (16u << 20)

static const char *const common_services[] = {"qubes.Filecopy", "qubes.OpenURL",
	"qubes.StartApp+firefox", "qubes.VMShell", "qubes.ClipboardPaste", "site.Service7+x",
	"site.Shared+a", "qubes.GetDate"};
#define COMMON_SERVICES (sizeof(common_services) / sizeof(common_services[0]))

char *
bench_facts(unsigned qubes)
{
	AUTO_BUF struct buf out;

	buf_init(&out, MAX_TEXT_BYTES);
	buf_put_string(&out, "{\"domains\":{\"dom0\":{\"type\":\"AdminVM\",\"uuid\":"
			     "\"00000000-0000-0000-0000-000000000000\",\"tags\":[],"
			     "\"power_state\":\"Running\"}");
	for (unsigned i = 1; i < qubes; i++)
		buf_printf(&out,
			",\"qube%u\":{\"type\":\"%s\",\"tags\":[\"created-by-dom0\",\"group%u\"],"
			"\"uuid\":\"c0ffee00-0000-4000-8000-%012u\",\"template_for_dispvms\":%s,"
			"\"default_dispvm\":\"qube10\",\"power_state\":\"%s\",\"guivm\":\"dom0\","
			"\"icon\":\"appvm-red\",\"label\":\"0xcc0000\",\"internal\":null,"
			"\"relayvm\":null,\"transport_rpc\":null}",
			i, i % 7 == 0 ? "TemplateVM" : "AppVM", i % 20, i,
			i % 10 == 0 ? "true" : "false", i % 3 == 0 ? "Running" : "Halted");
	buf_put_string(&out, "}}");
	return buf_steal_string(&out);
}

char *
bench_rules(unsigned rules, unsigned qubes)
{
	AUTO_BUF struct buf out;

	buf_init(&out, MAX_TEXT_BYTES);
	for (unsigned i = 0; i < rules; i++) {
		switch (i % 6) {
		case 0:
		case 1:
			buf_printf(&out, "site.Shared +k%u qube%u @tag:group%u allow\n", i,
				i % qubes, i % 20);
			break;
		case 2:
			buf_printf(&out, "site.Service%u * @tag:group%u qube%u allow\n", i, i % 20,
				i % qubes);
			break;
		case 3:
			buf_printf(&out, "qubes.Filecopy * qube%u @tag:group%u deny\n", i % qubes,
				i % 20);
			break;
		case 4:
			buf_printf(&out, "qubes.OpenURL * qube%u @dispvm:qube%u allow\n", i % qubes,
				i % 10 * 10);
			break;
		default:
			buf_printf(&out, "site.Service%u +a @type:AppVM @anyvm ask\n", i % 40);
			break;
		}
	}
	return buf_steal_string(&out);
}

void
bench_make_request(uint64_t number, unsigned qubes, struct bench_request *ret)
{
	uint64_t mixed = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned source = 1 + (unsigned)(mixed >> 40) % (qubes - 1);
	unsigned target = 1 + (unsigned)(mixed >> 20) % (qubes - 1);

	snprintf(ret->source, sizeof(ret->source), "qube%u", source);
	if (number % 5 == 0)
		snprintf(ret->target, sizeof(ret->target), "@dispvm");
	else if (number % 7 == 0)
		ret->target[0] = '\0';
	else
		snprintf(ret->target, sizeof(ret->target), "qube%u", target);
	snprintf(ret->service, sizeof(ret->service), "%s",
		common_services[(mixed >> 8) % COMMON_SERVICES]);
}

uint64_t
bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int
compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void
bench_print(const char *what, uint64_t *times_ns, size_t count, uint64_t total_ns)
{
	size_t middle = count / 2, late = count * 99 / 100;

	qsort(times_ns, count, sizeof(*times_ns), compare_times);
	printf("%-44s %10.0f /s  median %8.2f us  p99 %8.2f us\n", what,
		(double)count * 1e9 / (double)total_ns, (double)times_ns[middle] / 1e3,
		(double)times_ns[late] / 1e3);
}
