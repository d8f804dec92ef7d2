/* System information in JSON to facts; see facts_json.h. Runs where the asker trusts qubesd. */
#include "qrexec/policy/facts_json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* A text or null; any other kind is an error that the caller finds in *ret_wrong. */
static const char *
text_member(const json_t *qube, const char *key, bool *ret_wrong)
{
	const json_t *value = json_object_get(qube, key);

	if (value == NULL || json_is_null(value))
		return NULL;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		*ret_wrong = true;
	return json_string_value(value);
}

static int
read_tags(const json_t *qube, const char ***ret_tags, size_t *ret_count)
{
	const json_t *tags = json_object_get(qube, "tags");
	size_t count = json_array_size(tags);
	AUTO_FREE const char **texts = xcalloc(count, sizeof(*texts));

	if (tags != NULL && !json_is_array(tags))
		return -EBADMSG;
	for (size_t i = 0; i < count; i++) {
		texts[i] = json_string_value(json_array_get(tags, i));
		if (texts[i] == NULL)
			return -EBADMSG;
	}
	*ret_tags = steal_ptr(texts);
	*ret_count = count;
	return 0;
}

static int
add_qube(struct policy_facts *facts, const char *name, const json_t *qube, struct err *err)
{
	AUTO_FREE const char **tags = NULL;
	const json_t *template_flag = json_object_get(qube, "template_for_dispvms");
	bool wrong = !json_is_object(qube) || (template_flag && !json_is_boolean(template_flag));
	struct policy_qube_description d = {.name = name};

	if (!wrong && read_tags(qube, &tags, &d.tag_count) < 0)
		wrong = true;
	d.tags = tags;
	d.uuid = text_member(qube, "uuid", &wrong);
	d.type = text_member(qube, "type", &wrong);
	d.power_state = text_member(qube, "power_state", &wrong);
	d.icon = text_member(qube, "icon", &wrong);
	d.label = text_member(qube, "label", &wrong);
	d.default_dispvm = text_member(qube, "default_dispvm", &wrong);
	d.guivm = text_member(qube, "guivm", &wrong);
	d.internal = text_member(qube, "internal", &wrong);
	d.relayvm = text_member(qube, "relayvm", &wrong);
	d.transport_rpc = text_member(qube, "transport_rpc", &wrong);
	d.template_for_dispvms = json_is_true(template_flag);
	if (wrong)
		return err_set(err, EBADMSG, "qube '%s': a member is of the wrong kind", name);
	if (d.uuid == NULL)
		d.uuid = "";
	return policy_facts_add(facts, &d, err);
}

struct policy_facts *
policy_facts_from_domains(const json_t *domains, struct err *err)
{
	struct policy_facts *facts = policy_facts_create();
	void *at;

	if (!json_is_object(domains)) {
		err_set(err, EBADMSG, "system information: has no object of qubes");
		goto error_facts;
	}
	/* jansson's iterators take a pointer to non-const but change nothing. */
	json_t *object = (json_t *)(uintptr_t)domains;
	for (at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
		const char *name = json_object_iter_key(at);

		if (text_starts_with(name, "uuid:"))
			continue;
		if (add_qube(facts, name, json_object_iter_value(at), err) < 0)
			goto error_facts;
	}
	if (policy_facts_seal(facts, err) < 0)
		goto error_facts;
	return facts;
error_facts:
	policy_facts_unref(facts);
	return NULL;
}

struct policy_facts *
policy_facts_from_json(const char *text, size_t size, struct err *err)
{
	struct policy_facts *facts;
	json_error_t error;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);

	if (root == NULL) {
		err_set(err, EBADMSG, "system information: line %d: %s", error.line, error.text);
		return NULL;
	}
	facts = policy_facts_from_domains(json_object_get(root, "domains"), err);
	json_decref(root);
	return facts;
}
