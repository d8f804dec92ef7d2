/* The system that the tests of the engine share; see fixture.h. */
#include "fixture.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/memory_tree.h"

const char *const fixture_qubes[] = {
	"dom0",
	"work",
	"vault",
	"red",
	"dvm",
	"reddvm",
	"relay",
	"far",
	"hidden",
	"alone",
	NULL,
};

static const char *const office[] = {"office"}, *const wild[] = {"wild"};

static const struct policy_qube_description descriptions[] = {
	{.name = "dom0", .type = "AdminVM", .power_state = "Running"},
	{.name = "work",
		.type = "AppVM",
		.tags = office,
		.tag_count = 1,
		.power_state = "Running",
		.default_dispvm = "dvm",
		.guivm = "dom0"},
	{.name = "vault",
		.type = "AppVM",
		.tags = office,
		.tag_count = 1,
		.power_state = "Halted",
		.guivm = "dom0"},
	{.name = "red",
		.type = "AppVM",
		.tags = wild,
		.tag_count = 1,
		.power_state = "Running",
		.guivm = "dom0"},
	{.name = "dvm",
		.type = "AppVM",
		.power_state = "Halted",
		.template_for_dispvms = true,
		.default_dispvm = "dvm",
		.guivm = "dom0"},
	{.name = "reddvm",
		.type = "AppVM",
		.tags = wild,
		.tag_count = 1,
		.power_state = "Halted",
		.template_for_dispvms = true,
		.guivm = "dom0"},
	{.name = "relay", .type = "AppVM", .power_state = "Running", .guivm = "dom0"},
	{.name = "far",
		.type = "RemoteVM",
		.power_state = "Running",
		.relayvm = "relay",
		.transport_rpc = "span.Forward",
		.guivm = "dom0"},
	{.name = "hidden",
		.type = "DispVM",
		.power_state = "Running",
		.internal = "1",
		.guivm = "dom0"},
	{.name = "alone", .type = "AppVM", .power_state = "Running", .default_dispvm = "dvm"},
};

struct policy_facts *
fixture_facts(void)
{
	struct policy_facts *facts = policy_facts_create();
	AUTO_ERR struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(descriptions) / sizeof(descriptions[0]); i++) {
		struct policy_qube_description d = descriptions[i];
		char uuid[UUID_LENGTH + 1] = POLICY_DOM0_UUID;

		if (i > 0)
			snprintf(uuid, sizeof(uuid), FIXTURE_UUID "%c", "0123456789"[i]);
		d.uuid = uuid;
		if (policy_facts_add(facts, &d, &err) < 0)
			assert(!"a fixture has no errors");
	}
	if (policy_facts_seal(facts, &err) < 0)
		assert(!"a fixture has no errors");
	return facts;
}

struct policy *
fixture_policy(const char *text)
{
	const struct memory_tree_file file = {POLICY_SYSTEM, "30-test.policy", text, strlen(text)};
	const struct memory_tree tree = {&file, 1};
	struct policy_loader loader = memory_tree_loader(&tree);

	return policy_compile(&loader);
}

struct policy_view *
fixture_view(const char *text)
{
	struct policy_facts *facts = fixture_facts();
	struct policy *policy = fixture_policy(text);
	struct policy_view *v = policy_view_create(policy, facts);

	policy_unref(policy);
	policy_facts_unref(facts);
	return v;
}

void
fixture_evaluate(const struct policy_view *v, const char *source, const char *target,
	const char *service, struct policy_decision *ret)
{
	const struct policy_request request = {
		.source = source, .target = target, .service = service};

	policy_evaluate(v, &request, ret);
}
