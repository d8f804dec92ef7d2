/* The API as its own files see it. */
#ifndef BULKHEAD_ADMIN_API_API_PRIVATE_H
#define BULKHEAD_ADMIN_API_API_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/api/api.h"
#include "base/list.h"

struct clone_tokens;
struct disposals;
struct imports;
struct keeps;
struct loop_fd;
struct loop_timer;
struct owners;
struct preloads;
struct qube;
struct stats;
struct system_info;
struct visibility;

struct listener {
	struct api *api;
	int fd;
	struct loop_fd *source;
	bool is_internal;
};

struct api {
	struct api_config config;
	struct listener listeners[2];
	struct loop_timer *accept_timer; /* runs while there are no descriptors */
	struct list clients;             /* client.link, the oldest first */
	size_t client_count;
	struct list requests; /* request.link: under way */
	struct clone_tokens *clone_tokens;
	struct disposals *disposals;
	struct owners *owners;
	struct preloads *preloads;
	struct imports *imports;
	struct keeps *keeps;
	struct stats *stats; /* NULL until somebody listens */
	struct system_info *system_info;
	struct visibility *visibility; /* NULL until somebody else than dom0 asks */
};

/* A client has gone: there is room for another. */
void api_client_gone(struct api *api);

/* disposable.c: removes unnamed disposables once they have stopped. */
struct disposals *disposals_create(struct api *api);
void disposals_destroy(struct disposals *d);
bool qube_is_unnamed_disposable(const struct qube *q);
/* Removes one that is halted, soon. */
void disposals_add(struct disposals *d, const struct qube *q);

/* remove.c: all of a qube, if it may go; its images go in the background. 0 or -1. */
int remove_qube(struct api *api, struct qube *q, struct err *err);

/* method_clone.c: tokens given out by CloneFrom. */
void clone_tokens_destroy(struct clone_tokens *tokens);

/* method_import.c: images being written by programs of dom0. */
int imports_clean(struct err *err);
void imports_destroy(struct imports *imports);

/* method_system_info.c: the answer, kept until something changes. */
const char *system_info_text(struct api *api);
void system_info_destroy(struct system_info *info);

#endif
