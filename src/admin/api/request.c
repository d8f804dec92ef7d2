/* Calls from their first check to their answer; see request.h. */
#include "admin/api/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/api/client.h"
#include "admin/api/method.h"
#include "admin/model/app.h"
#include "base/cleanup.h"
#include "base/log.h"

/* First byte of an answer (8.2). */
#define ANSWER_OK '0'
#define ANSWER_EXCEPTION '2'

static void
destroy(struct request *r)
{
	list_remove(&r->link);
	if (r->pinned)
		qube_unpin(r->destination);
	buf_finish(&r->out);
	free(r->bytes);
	free(r);
}

void
request_destroy_all(struct api *api)
{
	struct request *r, *next;

	list_for_each_safe (r, next, &api->requests, link) {
		destroy(r);
	}
}

/* Hands the answer to the client, if it is still there, and ends the request. */
static void
answer(struct request *r, const struct buf *bytes)
{
	if (r->client != NULL) {
		client_set_request(r->client, NULL);
		client_answer(r->client, buf_data(bytes), buf_len(bytes));
	}
	destroy(r);
}

void
request_reply(struct request *r)
{
	if (r->out_failed) {
		request_refuse(r, "QubesException", "the answer is too large");
		return;
	}
	answer(r, &r->out);
}

/* Clients format the message, so a percent sign is doubled. */
static int
put_message(struct buf *out, const char *message)
{
	int result = 0;

	for (; *message != '\0' && result == 0; message++) {
		result = buf_put_u8(out, (uint8_t)*message);
		if (*message == '%' && result == 0)
			result = buf_put_u8(out, '%');
	}
	return result < 0 ? result : buf_put_u8(out, 0);
}

int
answer_put_exception(struct buf *out, const struct err *err)
{
	int result = buf_put_u8(out, ANSWER_EXCEPTION);

	if (result == 0)
		result = buf_put_u8(out, 0);
	if (result == 0)
		result = buf_put_text(out, err->kind != NULL ? err->kind : "QubesException");
	/* No trace: that text is for the daemon's own developers. */
	if (result == 0)
		result = buf_put_text(out, "");
	return result < 0 ? result : put_message(out, err_message(err));
}

/* What a person should see of an answer that is an exception. */
static enum log_level
level_of(const struct request *r, const struct err *err)
{
	if (err->kind == NULL || text_equal(err->kind, "ProtocolError"))
		return LOG_LEVEL_WARNING;
	/* dom0's tools ask for many features, of which few are set. */
	if (r->from_dom0 && text_equal(err->kind, "QubesFeatureNotFoundError"))
		return LOG_LEVEL_DEBUG;
	return LOG_LEVEL_INFO;
}

void
request_fail(struct request *r, const struct err *err)
{
	AUTO_BUF struct buf out = {0};
	const char *kind = err->kind != NULL ? err->kind : "QubesException";

	log_message(level_of(r, err), "%s%s%s from '%s' to '%s': %s: %s",
		r->method != NULL ? r->method->name : "call", r->argument[0] != '\0' ? "+" : "",
		r->argument, r->source, r->destination != NULL ? r->destination->name : "?", kind,
		err_message(err));
	buf_init(&out, REPLY_MAX_BYTES);
	if (answer_put_exception(&out, err) < 0)
		buf_clear(&out);
	answer(r, &out);
}

void
request_finish(struct request *r, int result, const struct err *err)
{
	if (result < 0)
		request_fail(r, err);
	else
		request_reply(r);
}

void
request_handle_done(void *data, const struct err *err)
{
	struct request *r = data;

	if (err != NULL)
		request_fail(r, err);
	else
		request_reply(r);
}

void
request_refuse(struct request *r, const char *kind, const char *format, ...)
{
	AUTO_ERR struct err err = ERR_INIT;
	va_list arguments;
	char *message;

	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0)
		fatal("out of memory");
	va_end(arguments);
	(void)err_set_kind(&err, kind, EINVAL, "%s", message);
	free(message);
	request_fail(r, &err);
}

void
request_become_stream(struct request *r)
{
	if (r->client != NULL)
		client_set_request(r->client, NULL);
	destroy(r);
}

void
request_pin(struct request *r)
{
	if (!r->pinned)
		qube_pin(r->destination);
	r->pinned = true;
}

static void
note(struct request *r, int result)
{
	if (result < 0)
		r->out_failed = true;
}

void
request_print(struct request *r, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		fatal("out of memory");
	va_end(arguments);
	note(r, buf_put_string(&r->out, text));
	free(text);
}

void
request_put(struct request *r, const char *text)
{
	note(r, buf_put_string(&r->out, text));
}

void
request_put_escaped(struct request *r, const char *text, bool escape_space)
{
	const char *special = escape_space ? "\\\n " : "\\\n";

	while (*text != '\0') {
		size_t plain = strcspn(text, special);

		note(r, buf_put(&r->out, text, plain));
		text += plain;
		if (*text == '\0')
			break;
		note(r, buf_put_string(
				&r->out, *text == '\\' ? "\\\\" : (*text == '\n' ? "\\n" : "\\s")));
		text++;
	}
}

int
request_text_payload(struct request *r, const char **ret_text)
{
	if (strlen(r->payload) != r->payload_size) {
		request_refuse(r, "ProtocolError", "NUL byte in payload");
		return -1;
	}
	*ret_text = r->payload;
	return 0;
}

int
parse_payload_number(const struct request *r, const char *name, bool may_be_negative,
	int64_t *ret_number, struct err *err)
{
	static const char space[] = " \t\n\v\f\r";
	AUTO_FREE char *text = text_copy(r->payload);
	char *digits = text + strspn(text, space), *end = digits + strlen(digits);
	bool is_negative;
	uint64_t number;

	while (end > digits && strchr(space, end[-1]) != NULL)
		*--end = '\0';
	is_negative = may_be_negative && digits[0] == '-';
	if (is_negative)
		digits++;
	if (strlen(r->payload) != r->payload_size || digits[0] == '\0' ||
		digits[strspn(digits, "0123456789")] != '\0')
		return err_set_kind(
			err, "ProtocolError", EINVAL, "%s contains non ASCII digits", name);
	if (strlen(digits) > 19)
		return err_set_kind(
			err, "ProtocolError", ERANGE, "%s is bigger than 19 decimal digits", name);
	if (digits[0] == '0' && (digits[1] != '\0' || is_negative))
		return err_set_kind(
			err, "ProtocolError", EINVAL, "%s contains spurious leading zeros", name);
	if (text_parse_u64(digits, INT64_MAX, &number) < 0)
		return err_set_kind(err, "ProtocolError", ERANGE, "%s is out of range", name);
	*ret_number = is_negative ? -(int64_t)number : (int64_t)number;
	return 0;
}

int
parse_payload_bool(const struct request *r, bool *ret_flag, struct err *err)
{
	static const char *const words[2][4] = {
		{"0", "no", "false", "off"}, {"1", "yes", "true", "on"}};

	for (size_t flag = 0; flag < 2; flag++) {
		for (size_t i = 0; i < 4; i++) {
			if (strlen(r->payload) == r->payload_size &&
				strcasecmp(r->payload, words[flag][i]) == 0) {
				*ret_flag = flag == 1;
				return 0;
			}
		}
	}
	return err_set_kind(err, "ProtocolError", EINVAL, "Payload is not boolean ASCII");
}

/* What the row says against the call, in the order of 8.1; NULL when it may go on. */
static const char *
find_violation(const struct request *r)
{
	const struct method *m = r->method;

	if (m->payload == PART_REQUIRED && r->payload_size == 0)
		return "expected payload";
	if (m->payload == PART_NONE && r->payload_size > 0)
		return "unexpected payload";
	if (m->argument == PART_REQUIRED && r->argument[0] == '\0')
		return "expected an argument";
	if (m->argument == PART_NONE && r->argument[0] != '\0')
		return "unexpected argument";
	if (m->destination == TO_DOM0 && !qube_is_dom0(r->destination))
		return "expected destination to be AdminVM";
	if (m->destination == TO_QUBE && qube_is_dom0(r->destination))
		return "expected destination to not be AdminVM";
	return NULL;
}

/*
 * A qube is not to keep others out by calls that wait, nor to fill our memory with calls that
 * nobody waits for any more.
 */
static bool
is_too_busy(const struct request *r)
{
	const struct request *other;
	size_t count;

	if (r->from_dom0)
		return false;
	count = client_count_of(r->api, r->source);
	list_for_each (other, &r->api->requests, link)
		count += other->client == NULL && text_equal(other->source, r->source);
	return count > API_QUBE_CALLS_MAX;
}

static void
dispatch(struct request *r, const struct request_parts *parts, bool is_internal)
{
	AUTO_ERR struct err err = ERR_INIT;
	const struct qube *source = app_lookup_qube(r->api->config.app, parts->source, &err);
	const char *violation;

	if (source != NULL) {
		(void)snprintf(r->source, sizeof(r->source), "%s", source->name);
		r->from_dom0 = qube_is_dom0(source);
		client_set_caller(r->client, r->source);
		r->destination = app_lookup_qube(r->api->config.app, parts->destination, &err);
	}
	if (source == NULL || r->destination == NULL) {
		request_fail(r, &err);
		return;
	}
	if (is_too_busy(r)) {
		request_refuse(
			r, "QubesException", "too many calls of '%s' are under way", r->source);
		return;
	}
	r->method = method_find(parts->method, is_internal);
	if (r->method == NULL) {
		request_refuse(r, "ProtocolError", "no such method: '%s'", parts->method);
		return;
	}
	violation = find_violation(r);
	if (violation != NULL)
		request_refuse(r, "ProtocolError", "%s", violation);
	else if (is_internal && !r->from_dom0)
		request_refuse(r, "PermissionDenied", "only dom0 may call '%s'", parts->method);
	else
		r->method->handle(r);
}

void
request_begin(struct api *api, struct client *client, char *bytes, size_t size)
{
	struct request_parts parts;
	struct request *r;

	if (request_parse(bytes, size, &parts) < 0) {
		log_warning("request of %zu bytes: header is not valid", size);
		free(bytes);
		client_close(client);
		return;
	}
	r = xcalloc(1, sizeof(*r));
	*r = (struct request){
		.api = api,
		.client = client,
		.bytes = bytes,
		.argument = parts.argument,
		.payload = parts.payload,
		.payload_size = parts.payload_size,
	};
	buf_init(&r->out, REPLY_MAX_BYTES);
	list_append(&api->requests, &r->link);
	client_set_request(client, r);
	note(r, buf_put_u8(&r->out, ANSWER_OK));
	note(r, buf_put_u8(&r->out, 0));
	dispatch(r, &parts, client_is_internal(client));
}
