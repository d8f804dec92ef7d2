/*
 * admin.vm.volume.CloneFrom and CloneTo (spec admin-api.md 11.8): who may read the source gets a
 * token, and who may write the destination gives it back. A token is good for one use.
 */
#include <stdlib.h>
#include <string.h>

#include "admin/api/method.h"
#include "admin/api/volume_call.h"
#include "admin/model/app.h"
#include "admin/model/events.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/io.h"

#define TOKEN_LENGTH 32
/* Tokens that nobody has used; the oldest goes when there are more. */
#define TOKENS_MAX 64

struct clone_token {
	struct list link; /* clone_tokens.tokens */
	char text[TOKEN_LENGTH + 1];
	char uuid[sizeof("uuid:") + UUID_LENGTH]; /* of the source, as a destination */
	enum volume_role role;
};

struct clone_tokens {
	struct list tokens; /* clone_token.link, the oldest first */
	size_t count;
};

static void
drop_token(struct clone_tokens *tokens, struct clone_token *token)
{
	list_remove(&token->link);
	free(token);
	tokens->count--;
}

void
clone_tokens_destroy(struct clone_tokens *tokens)
{
	struct clone_token *token, *next;

	if (tokens == NULL)
		return;
	list_for_each_safe (token, next, &tokens->tokens, link) {
		drop_token(tokens, token);
	}
	free(tokens);
}

/* Letters and digits, each as likely as the other. */
static void
make_text(char ret_text[TOKEN_LENGTH + 1])
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t length = 0;
	uint8_t byte;

	while (length < TOKEN_LENGTH) {
		random_bytes(&byte, sizeof(byte));
		if (byte < 4 * (sizeof(letters) - 1))
			ret_text[length++] = letters[byte % (sizeof(letters) - 1)];
	}
	ret_text[length] = '\0';
}

static struct clone_token *
add_token(struct api *api, const struct qube *q, enum volume_role role)
{
	struct clone_token *token = xcalloc(1, sizeof(*token));
	struct clone_tokens *tokens = api->clone_tokens;

	if (tokens == NULL) {
		tokens = api->clone_tokens = xcalloc(1, sizeof(*tokens));
		list_init(&tokens->tokens);
	} else if (tokens->count == TOKENS_MAX) {
		drop_token(tokens, container_of(tokens->tokens.next, struct clone_token, link));
	}
	make_text(token->text);
	memcpy(token->uuid, "uuid:", strlen("uuid:"));
	memcpy(token->uuid + strlen("uuid:"), q->uuid, sizeof(q->uuid));
	token->role = role;
	list_append(&tokens->tokens, &token->link);
	tokens->count++;
	return token;
}

/* Takes the token out, if it is one, and gives its source; NULL if there is none any more. */
static struct qube *
redeem_token(struct api *api, const char *untrusted_text, size_t size, enum volume_role *ret_role)
{
	struct clone_tokens *tokens = api->clone_tokens;
	struct clone_token *token;
	struct qube *q;

	if (tokens == NULL || size != TOKEN_LENGTH)
		return NULL;
	list_for_each (token, &tokens->tokens, link) {
		if (memcmp(token->text, untrusted_text, TOKEN_LENGTH) != 0)
			continue;
		q = app_lookup_qube(api->config.app, token->uuid, NULL);
		*ret_role = token->role;
		drop_token(tokens, token);
		return q;
	}
	return NULL;
}

void
handle_volume_clone_from(struct request *r)
{
	AUTO_PLACE struct volume_place place = {0};
	enum volume_role role;

	if (!require_image(r, &role, &place))
		return;
	request_put(r, add_token(r->api, r->destination, role)->text);
	request_reply(r);
}

struct clone {
	struct request *request;
	struct qube *source; /* pinned */
	char *source_vid;
};

static void
handle_cloned(void *data, const struct err *err)
{
	struct clone *c = data;
	struct request *r = c->request;

	crash_point("clone:after-copy");
	qube_unpin(c->source);
	if (err == NULL)
		events_emit(r->api->config.app, r->destination, "domain-import-volume", "name",
			r->argument, "source", c->source_vid, NULL);
	free(c->source_vid);
	free(c);
	request_handle_done(r, err);
}

void
handle_volume_clone_to(struct request *r)
{
	AUTO_PLACE struct volume_place from = {0};
	AUTO_PLACE struct volume_place to = {0};
	enum volume_role from_role, to_role;
	struct qube *source;
	struct clone *c;

	source = redeem_token(r->api, r->payload, r->payload_size, &from_role);
	if (!require_image(r, &to_role, &to))
		return;
	if (source == NULL) {
		request_refuse(r, "QubesVolumeCopyTokenNotFoundError",
			"'Token to clone volume of qube was not found'");
		return;
	}
	from = volume_place_of(source, from_role);
	c = xcalloc(1, sizeof(*c));
	*c = (struct clone){.request = r, .source = source, .source_vid = text_copy(from.vid)};
	request_pin(r);
	qube_pin(source);
	crash_point("clone:before-copy");
	storage_clone(
		r->api->config.storage, from.pool, from.vid, to.pool, to.vid, handle_cloned, c);
}
