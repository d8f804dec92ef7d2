/* The policy agent as the policy daemon sees it, played by the test: requests are taken and
 * answered one by one, by hand. And the callers on the other side. */
#ifndef BULKHEAD_TESTS_PLAYED_AGENT_H
#define BULKHEAD_TESTS_PLAYED_AGENT_H

#include <jansson.h>
#include <stdbool.h>

struct played_request {
	int fd;
	char header[64];
	json_t *json;
};

/* Listens below the root; the daemon makes the links of the services. */
void played_agent_start(void);
void played_agent_stop(void);

/* Waits for the next request and reads it to its end. */
void played_agent_take(struct played_request *ret);
/* Whether one comes within the time. */
bool played_agent_is_asked(int timeout_ms);
/* Answers (NULL: not at all), closes, and forgets the request. */
void played_agent_answer(struct played_request *r, const char *answer);
/* Whether the daemon closes its end: waits for that. */
bool played_agent_sees_end(const struct played_request *r);

/* Sends a question of "SERVICE" from a qube to another, and waits for its answer later. */
int caller_ask(const char *source, const char *target, const char *service);
/* The answer; the descriptor is closed. The caller frees. */
char *caller_answer(int fd);

#endif
