/* The two sockets: who may come in, how many, and the end of it all; see api.h. */
#include "admin/api/api.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/api/api_private.h"
#include "admin/api/client.h"
#include "admin/api/disposable_owner.h"
#include "admin/api/keep.h"
#include "admin/api/preload.h"
#include "admin/api/request.h"
#include "admin/api/stats.h"
#include "admin/api/visibility.h"
#include "admin/api/volumes.h"
#include "admin/model/app.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

/* Connections taken in one turn of the loop. */
#define ACCEPT_BATCH 32
/* How long nobody is let in when the system has no descriptor left. */
#define ACCEPT_PAUSE_MS 100

static void
set_accepting(struct api *api, bool accept_now)
{
	for (size_t i = 0; i < 2; i++) {
		if (api->listeners[i].source != NULL)
			(void)loop_fd_set_events(
				api->listeners[i].source, accept_now ? EPOLLIN : 0);
	}
}

/* Whether one more client can have room, if need be at the cost of a silent one. */
static bool
can_take(const struct api *api)
{
	return api->client_count < api->config.clients_max || client_oldest_silent(api) != NULL;
}

static void
take(struct api *api, int fd, bool is_internal)
{
	if (api->client_count >= api->config.clients_max) {
		log_warning("too many clients: one that has not said what it wants is dropped");
		client_destroy(client_oldest_silent(api));
	}
	if (client_create(api, fd, is_internal) == NULL)
		close(fd);
}

void
api_client_gone(struct api *api)
{
	set_accepting(api, true);
}

static void
handle_accept_pause(struct loop_timer *timer, void *data)
{
	(void)timer;
	set_accepting(data, true);
}

static void
handle_connection(struct loop_fd *source, uint32_t events, void *data)
{
	struct listener *listener = data;
	struct api *api = listener->api;

	(void)source;
	(void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		if (!can_take(api)) {
			set_accepting(api, false);
			return;
		}
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
			log_error("cannot take a connection: descriptors or memory are used up");
			set_accepting(api, false);
			loop_timer_start(api->accept_timer, ACCEPT_PAUSE_MS);
			return;
		}
		if (fd < 0)
			return;
		take(api, fd, listener->is_internal);
	}
}

/* Without the group the sockets are the daemon's user's alone. */
static void
give_to_group(const char *path)
{
	const struct group *group = getgrnam(HOST_GROUP);

	if (group != NULL && chown(path, (uid_t)-1, group->gr_gid) < 0)
		log_warning("socket '%s': cannot be given to group '%s'", path, HOST_GROUP);
}

static int
listener_open(struct listener *listener, struct api *api, const char *name, bool is_internal,
	struct err *err)
{
	AUTO_FREE char *path = root_path("%s", name);
	AUTO_FREE char *directory = root_path("/run");

	*listener = (struct listener){.api = api, .fd = -1, .is_internal = is_internal};
	if (make_directories(directory, 0755, err) < 0)
		return -1;
	listener->fd = socket_listen(path, 0660, err);
	if (listener->fd < 0)
		return -1;
	give_to_group(path);
	if (fd_set_nonblocking(listener->fd, 1) == 0)
		listener->source = loop_fd_create(
			api->config.loop, listener->fd, EPOLLIN, handle_connection, listener);
	if (listener->source == NULL)
		return err_set_errno(err, errno, "socket '%s'", path);
	return 0;
}

static void
listener_close(struct listener *listener, const char *name)
{
	AUTO_FREE char *path = root_path("%s", name);

	if (listener->fd < 0)
		return;
	loop_fd_destroy(listener->source);
	close(listener->fd);
	(void)unlink(path);
}

static int
open_all(struct api *api, struct err *err)
{
	if (imports_clean(err) < 0)
		return -1;
	volumes_report_missing(api);
	api->keeps = keeps_create(api);
	api->disposals = disposals_create(api);
	api->accept_timer = loop_timer_create(api->config.loop, handle_accept_pause, api);
	if (api->accept_timer == NULL || api->disposals == NULL)
		return err_set_errno(err, errno, "admin api: timers");
	api->owners = owners_create(api);
	api->preloads = preloads_create(api);
	if (api->preloads == NULL)
		return err_set_errno(err, errno, "admin api: timers");
	if (listener_open(&api->listeners[0], api, API_SOCKET, false, err) < 0)
		return -1;
	return listener_open(&api->listeners[1], api, API_INTERNAL_SOCKET, true, err);
}

struct api *
api_create_with(const struct api_config *config, struct err *err)
{
	struct api *api = xcalloc(1, sizeof(*api));

	api->config = *config;
	if (api->config.clients_max == 0)
		api->config.clients_max = API_CLIENTS_MAX;
	if (api->config.request_timeout_ms == 0)
		api->config.request_timeout_ms = API_REQUEST_TIMEOUT_MS;
	if (api->config.reply_timeout_ms == 0)
		api->config.reply_timeout_ms = API_REPLY_TIMEOUT_MS;
	api->listeners[0].fd = api->listeners[1].fd = -1;
	list_init(&api->clients);
	list_init(&api->requests);
	config->app->hooks.template_changes = volumes_follow_template;
	config->app->hooks.template_data = api;
	if (open_all(api, err) < 0) {
		api_destroy(api);
		return NULL;
	}
	return api;
}

struct api *
api_create(struct loop *loop, struct app *app, struct storage *storage, struct lifecycle *lifecycle,
	struct err *err)
{
	struct api_config config = {
		.loop = loop, .app = app, .storage = storage, .lifecycle = lifecycle};

	return api_create_with(&config, err);
}

void
api_destroy(struct api *api)
{
	if (api == NULL)
		return;
	listener_close(&api->listeners[0], API_SOCKET);
	listener_close(&api->listeners[1], API_INTERNAL_SOCKET);
	api->listeners[0].source = api->listeners[1].source = NULL;
	client_destroy_all(api);
	request_destroy_all(api);
	loop_timer_destroy(api->accept_timer);
	preloads_destroy(api->preloads);
	owners_destroy(api->owners);
	disposals_destroy(api->disposals);
	keeps_destroy(api->keeps);
	clone_tokens_destroy(api->clone_tokens);
	imports_destroy(api->imports);
	stats_destroy(api->stats);
	system_info_destroy(api->system_info);
	visibility_destroy(api->visibility);
	api->config.app->hooks.template_changes = NULL;
	free(api);
}
