/* Which service runs a command in a given qube (run.h). */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/maybe.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/encode.h"
#include "tools/lib/property_value.h"
#include "tools/qvm/run.h"

/* Beyond this a command line does not fit into a service's argument and goes through a shell. */
#define EXEC_ARGUMENT_MAX 60000

/* What is asked about a qube before running something in it: features, then properties. */
enum fact { FACT_OS, FACT_VMEXEC, FACT_ROOT, FACT_GUI, FACT_GUIVM, FACT_USER, FACT_COUNT };

static const struct {
	const char *method, *argument;
} fact_calls[FACT_COUNT] = {
	[FACT_OS] = {"admin.vm.feature.CheckWithTemplate", "os"},
	[FACT_VMEXEC] = {"admin.vm.feature.CheckWithTemplate", "vmexec"},
	[FACT_ROOT] = {"admin.vm.feature.CheckWithTemplate", "supported-rpc.qubes.VMRootExec"},
	[FACT_GUI] = {"admin.vm.feature.CheckWithTemplate", "gui"},
	[FACT_GUIVM] = {"admin.vm.property.Get", "guivm"},
	[FACT_USER] = {"admin.vm.property.Get", "default_user"},
};

static bool
wants_shell(const struct run_request *r)
{
	return r->word_count == 1 && !r->no_shell;
}

/* Asks only what the choice depends on, all at once. An answer of "no" is an absent fact. */
static struct admin_call *
ask_facts(const struct run_request *r, const char *qube)
{
	struct admin_call *calls = xcalloc(FACT_COUNT, sizeof(*calls));
	struct admin_call asked[FACT_COUNT] = {0};
	enum fact order[FACT_COUNT];
	size_t count = 0;
	const bool wanted[FACT_COUNT] = {
		[FACT_OS] = !r->service,
		[FACT_VMEXEC] = !r->service && !wants_shell(r),
		[FACT_ROOT] = !r->service && text_is(r->user, "root"),
		[FACT_GUI] = r->gui < 0,
		[FACT_GUIVM] = r->gui < 0,
		[FACT_USER] = r->gui != 0 && r->user == NULL && !r->disposable,
	};

	for (enum fact f = 0; f < FACT_COUNT; f++) {
		if (!wanted[f])
			continue;
		asked[count].method = fact_calls[f].method;
		asked[count].argument = fact_calls[f].argument;
		asked[count].destination = qube;
		order[count++] = f;
	}
	admin_calls_run(asked, count, -1);
	for (size_t i = 0; i < count; i++)
		calls[order[i]] = asked[i];
	return calls;
}

static bool
is_set(const struct admin_call *fact)
{
	return fact->content != NULL && fact->size > 0;
}

/* The value of a property that was asked, or NULL; the caller frees it. */
static char *
property_of(const struct admin_call *fact)
{
	AUTO_PROPERTY struct property_value property = {0};

	if (fact->content == NULL || property_value_parse(fact->content, &property) < 0 ||
		property.value[0] == '\0')
		return NULL;
	return steal_ptr(property.value);
}

static bool
has_gui(const struct run_request *r, const struct admin_call *facts)
{
	AUTO_FREE char *guivm = property_of(&facts[FACT_GUIVM]);

	if (r->gui >= 0)
		return r->gui > 0;
	return guivm != NULL && is_set(&facts[FACT_GUI]);
}

/* The command as a script for the qube's shell, whose stdin then is ours. */
static void
choose_shell(const struct run_request *r, bool root, bool wait_for_session, bool windows,
	struct run_service *ret)
{
	AUTO_FREE char *command =
		wants_shell(r) ? text_copy(r->words[0]) : encode_shell(r->words, r->word_count);

	if (root)
		ret->name = text_copy("qubes.VMRootShell");
	else
		ret->name = text_copy(
			wait_for_session ? "qubes.VMShell+WaitForSession" : "qubes.VMShell");
	ret->prefix = text_format(windows ? "%s& exit\n" : "%s; exit\n", command);
}

void
run_service_choose(const struct run_request *r, const char *qube, struct run_service *ret)
{
	struct admin_call *facts = ask_facts(r, qube);
	bool gui = has_gui(r, facts), in_new_session = gui && r->disposable;
	bool root = text_is(r->user, "root") && is_set(&facts[FACT_ROOT]);

	*ret = (struct run_service){0};
	if (gui && !r->disposable)
		ret->session_user =
			r->user != NULL ? text_copy(r->user) : property_of(&facts[FACT_USER]);
	if (r->service) {
		ret->name = text_copy(r->words[0]);
	} else {
		AUTO_FREE char *encoded = encode_vmexec(r->words, r->word_count);

		if (!wants_shell(r) && is_set(&facts[FACT_VMEXEC]) &&
			strlen(encoded) <= EXEC_ARGUMENT_MAX)
			ret->name = text_format("%s+%s",
				root ? "qubes.VMRootExec"
				     : (in_new_session ? "qubes.VMExecGUI" : "qubes.VMExec"),
				encoded);
		else
			choose_shell(r, root, in_new_session,
				text_is(facts[FACT_OS].content, "Windows"), ret);
	}
	admin_calls_free(facts, FACT_COUNT);
}

void
run_service_finish(struct run_service *service)
{
	free(service->name);
	free(service->prefix);
	free(service->session_user);
	*service = (struct run_service){0};
}
