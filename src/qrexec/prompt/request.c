/* Parser of requests to a prompt; see request.h. Pure but for request_receive(). */
#include "qrexec/prompt/request.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/text.h"

#define RECEIVE_TIMEOUT_MS 10000
#define DISPVM "@dispvm:"
#define DISPVM_LENGTH strlen(DISPVM)

const struct request_term request_terms[REQUEST_TERMS] = {
	{"once", "this once"},
	{"hour", "for an hour"},
	{"stop", "until the qube stops"},
	{"always", "always"},
};

static const struct {
	const char *name;
	uint32_t color;
} label_colors[] = {
	{"red", 0xcc0000},
	{"orange", 0xf57900},
	{"yellow", 0xedd400},
	{"green", 0x73d216},
	{"gray", 0x555555},
	{"blue", 0x3465a4},
	{"purple", 0x75507b},
	{"black", 0x000000},
};

static void
qube_finish(struct request_qube *q)
{
	free(q->name);
	free(q->words);
}

void
request_finish(struct request *r)
{
	qube_finish(&r->source);
	free(r->service);
	free(r->argument);
	for (size_t i = 0; i < r->target_count; i++)
		qube_finish(&r->targets[i]);
	free(r->targets);
	free(r->resolution);
	free(r->target);
	*r = (struct request){0};
}

static bool
is_name(const char *untrusted_text)
{
	return untrusted_text[0] != '\0' && strlen(untrusted_text) <= REQUEST_NAME_MAX &&
	       text_only_has(untrusted_text, "@_.-:");
}

/* A text of the object, borrowed; NULL with the error. */
static const char *
text_member(const json_t *object, const char *key, struct err *err)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value) ||
		strlen(json_string_value(value)) != json_string_length(value)) {
		err_set(err, EBADMSG, "request: '%s' is no text", key);
		return NULL;
	}
	return json_string_value(value);
}

/* An icon's name ends with that of a label; only the colours of custom labels need more. */
static uint32_t
color_of_icon(const char *icon)
{
	for (size_t i = 0; i < sizeof(label_colors) / sizeof(label_colors[0]); i++) {
		if (text_ends_with(icon, label_colors[i].name) &&
			strlen(icon) > strlen(label_colors[i].name) &&
			icon[strlen(icon) - strlen(label_colors[i].name) - 1] == '-')
			return label_colors[i].color;
	}
	return REQUEST_NO_COLOR;
}

static uint32_t
find_color(const json_t *root, const char *name)
{
	const char *base = text_starts_with(name, DISPVM) ? name + DISPVM_LENGTH : name;
	const char *color =
		json_string_value(json_object_get(json_object_get(root, "colors"), base));
	const char *icon = json_string_value(json_object_get(json_object_get(root, "icons"), name));

	if (color != NULL && text_starts_with(color, "0x") && strlen(color) == strlen("0xrrggbb") &&
		strspn(color + 2, "0123456789abcdefABCDEF") == strlen("rrggbb"))
		return (uint32_t)strtoul(color, NULL, 16);
	return icon != NULL ? color_of_icon(icon) : REQUEST_NO_COLOR;
}

static int
set_qube(const json_t *root, const char *untrusted_name, struct request_qube *ret, struct err *err)
{
	if (!is_name(untrusted_name))
		return err_set(err, EBADMSG, "request: a qube's name is none");
	if (text_equal(untrusted_name, "@adminvm") || text_equal(untrusted_name, "dom0"))
		ret->words = text_copy("dom0, the host");
	else if (text_starts_with(untrusted_name, DISPVM))
		ret->words = text_format("Disposable VM (%s)", untrusted_name + DISPVM_LENGTH);
	else if (text_equal(untrusted_name, "@dispvm"))
		ret->words = text_copy("Disposable VM");
	else
		ret->words = text_copy(untrusted_name);
	ret->name = text_copy(untrusted_name);
	ret->color = find_color(root, untrusted_name);
	ret->shape = SHAPE_QUBE;
	if (text_starts_with(untrusted_name, "@dispvm"))
		ret->shape = SHAPE_DISPOSABLE;
	else if (text_starts_with(ret->words, "dom0,"))
		ret->shape = SHAPE_HOST;
	return 0;
}

static int
compare_targets(const void *a, const void *b)
{
	const struct request_qube *x = a, *y = b;
	int order = strcmp(x->words, y->words);

	return order != 0 ? order : strcmp(x->name, y->name);
}

static int
read_targets(const json_t *root, struct request *r, struct err *err)
{
	const json_t *targets = json_object_get(root, "targets");
	size_t count = json_array_size(targets);

	if (!json_is_array(targets) || count == 0 || count > REQUEST_MAX_TARGETS)
		return err_set(err, EBADMSG, "request: 'targets' is no list of targets");
	r->targets = xcalloc(count, sizeof(*r->targets));
	for (size_t i = 0; i < count; i++) {
		const char *name = json_string_value(json_array_get(targets, i));

		/* Counted first, so that it is freed whatever happens. */
		r->target_count = i + 1;
		if (set_qube(root, name != NULL ? name : "", &r->targets[i], err) < 0)
			return -1;
	}
	qsort(r->targets, r->target_count, sizeof(*r->targets), compare_targets);
	for (size_t i = 1; i < r->target_count; i++) {
		if (compare_targets(&r->targets[i - 1], &r->targets[i]) == 0)
			return err_set(err, EBADMSG, "request: a target is there twice");
	}
	return 0;
}

/* One that is the source, or is not offered, is none (spec qrexec.md 7.2). */
static int
read_default(const json_t *root, struct request *r, struct err *err)
{
	const char *name = text_member(root, "default_target", err);

	if (name == NULL)
		return -1;
	r->default_target = r->target_count;
	for (size_t i = 0; i < r->target_count; i++) {
		if (text_equal(r->targets[i].name, name) && !text_equal(name, r->source.name))
			r->default_target = i;
	}
	r->bad_default = name[0] != '\0' && r->default_target == r->target_count;
	return 0;
}

static void
read_terms(const json_t *root, struct request *r)
{
	const json_t *terms = json_object_get(root, "terms");

	for (size_t i = 0; i < json_array_size(terms); i++) {
		const char *name = json_string_value(json_array_get(terms, i));

		for (size_t term = 0; name != NULL && term < REQUEST_TERMS; term++) {
			if (text_equal(name, request_terms[term].name))
				r->terms |= 1u << term;
		}
	}
}

/* The beginning and the end of what is too long, and how much there is. */
static char *
shorten(const char *text)
{
	size_t length = strlen(text), part = REQUEST_ARGUMENT_SHOWN / 2;

	if (length <= REQUEST_ARGUMENT_SHOWN)
		return text_copy(text);
	return text_format(
		"%.*s [...] %s (%zu characters)", (int)part, text, text + length - part, length);
}

static int
read_common(const json_t *root, struct request *r, struct err *err)
{
	const char *source = text_member(root, "source", err);
	const char *service = text_member(root, "service", err);
	const char *argument = text_member(root, "argument", err);

	if (source == NULL || service == NULL || argument == NULL)
		return -1;
	if (service[0] == '\0' || strlen(service) > REQUEST_SERVICE_MAX ||
		!text_only_has(service, "@_.-"))
		return err_set(err, EBADMSG, "request: 'service' is no service");
	if (argument[0] != '+' || !text_only_has(argument, "@_.-+"))
		return err_set(err, EBADMSG, "request: 'argument' is none");
	r->service = text_copy(service);
	r->argument = shorten(argument + 1);
	return set_qube(root, source, &r->source, err);
}

/* A refused caller's target is what it wrote. */
static char *
clean(const char *untrusted_text)
{
	char *text = text_format("%.*s", REQUEST_NAME_MAX, untrusted_text);

	for (char *c = text; *c != '\0'; c++) {
		const char one[] = {*c, '\0'};

		if (!text_only_has(one, "@_.-:"))
			*c = '_';
	}
	return text;
}

static int
read_notification(const json_t *root, struct request *r, struct err *err)
{
	static const char *const words[][2] = {
		{"allow", "Allowed"}, {"deny", "Denied"}, {"fail", "Failed"}};
	const char *resolution = text_member(root, "resolution", err);
	const char *target = text_member(root, "target", err);

	if (resolution == NULL || target == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (text_equal(resolution, words[i][0]))
			r->resolution = text_copy(words[i][1]);
	}
	if (r->resolution == NULL)
		return err_set(err, EBADMSG, "request: 'resolution' is none");
	r->target = target[0] == '\0' ? text_copy("@default") : clean(target);
	return 0;
}

static int
read_prompt(const json_t *root, struct request *r, struct err *err)
{
	read_terms(root, r);
	return read_targets(root, r, err) < 0 ? -1 : read_default(root, r, err);
}

int
request_parse(enum request_kind kind, const char *untrusted_text, size_t size, struct request *ret,
	struct err *err)
{
	struct request r = {.kind = kind};
	json_error_t error;
	json_t *root = size > REQUEST_MAX_BYTES
			       ? NULL
			       : json_loadb(untrusted_text, size, JSON_REJECT_DUPLICATES, &error);
	int result;

	if (!json_is_object(root))
		result = err_set(err, EBADMSG, "request: is no JSON object");
	else if (read_common(root, &r, err) < 0)
		result = -1;
	else
		result = kind == REQUEST_ASK ? read_prompt(root, &r, err)
					     : read_notification(root, &r, err);
	json_decref(root);
	if (result < 0)
		request_finish(&r);
	else
		*ret = r;
	return result;
}

char *
request_answer(const struct request *r, size_t target, size_t term)
{
	const char *name = r->targets[target].name;

	/* Once is what everybody understands. */
	if (term == 0 || (r->terms & 1u << term) == 0)
		return text_format("allow:%s", name);
	return text_format("allow:%s %s", name, request_terms[term].name);
}

int
request_receive(int fd, char **ret_text, size_t *ret_size, struct err *err)
{
	uint64_t deadline_ms = loop_now_ms() + RECEIVE_TIMEOUT_MS, now_ms;
	AUTO_BUF struct buf in;
	ssize_t count = 1;

	buf_init(&in, REQUEST_MAX_BYTES);
	while (count != 0) {
		struct pollfd pollfd = {fd, POLLIN, 0};

		now_ms = loop_now_ms();
		if (now_ms >= deadline_ms || poll(&pollfd, 1, (int)(deadline_ms - now_ms)) == 0)
			return err_set(err, ETIMEDOUT, "request: does not come");
		count = buf_read_fd(&in, fd, REQUEST_MAX_BYTES);
		if (count < 0 && count != -EAGAIN && count != -EINTR)
			return err_set_errno(err, (int)-count, "request: cannot read");
	}
	*ret_size = buf_len(&in);
	*ret_text = buf_steal_string(&in);
	return 0;
}
