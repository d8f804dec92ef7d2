/* One signal to another program of the qube; see meminfo.h. Its file is root's. */
#include "qrexec/qube/meminfo.h"

#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

#define PID_PATH "/var/run/meminfo-writer.pid"
#define PID_FILE_MAX 32
#define PID_MAX 4194304

void
meminfo_wake_writer(void)
{
	AUTO_FREE char *path = root_path("%s", PID_PATH);
	AUTO_FREE char *text = NULL;
	uint64_t pid;
	size_t size;

	if (read_file(path, PID_FILE_MAX, &text, &size, NULL) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (text_parse_u64(text, PID_MAX, &pid) < 0 || pid < 2 || kill((pid_t)pid, SIGUSR1) < 0)
		log_warning("'%s': no process to wake", path);
}
