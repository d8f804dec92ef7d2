/*
 * The policy engine: may this call happen, and where does it go (spec qrexec.md section 5).
 * Pure functions over (policy text, facts about the qubes, request); no I/O, no clock, no
 * dependence on the order of any hash table. Used by the policy daemon, the tools and the tests.
 *
 *     policy text --policy_compile()--> struct policy --.
 *                                                        policy_view_create() --> view
 *     system information --> struct policy_facts -------'                          |
 *                                    request --policy_evaluate()--> decision <-----'
 *
 * A policy with an error anywhere is unusable as a whole: every request is refused.
 */
#ifndef BULKHEAD_QREXEC_POLICY_POLICY_H
#define BULKHEAD_QREXEC_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "qrexec/policy/facts.h"
#include "qrexec/policy/loader.h"

/* Limits against policy that includes itself without end. */
#define POLICY_FILE_MAX_BYTES (1u << 20)
#define POLICY_MAX_INCLUDE_DEPTH 64
#define POLICY_MAX_FILES 10000
#define POLICY_MAX_BYTES (64u << 20)
#define POLICY_MAX_RULES 200000

/*
 * Files of grants, in the runtime and in the system directory: what the user answered for longer
 * than once. Their rules decide nothing by themselves, wherever they stand: where the other rules
 * say ask, the first that names exactly this call answers instead of the user, if its target is
 * one that the user would have been offered.
 */
#define POLICY_GRANTS_RUNTIME_FILE "31-grants-runtime.policy"
#define POLICY_GRANTS_SYSTEM_FILE "31-grants.policy"

/* Limits of a request. */
#define POLICY_SERVICE_MAX 65000  /* NAME+ARG in bytes */
#define POLICY_TARGET_TEXT_MAX 96 /* any target as text, with its NUL */

enum policy_action {
	POLICY_ACTION_ALLOW,
	POLICY_ACTION_ASK,
	POLICY_ACTION_DENY,
};

struct policy;

/* Never NULL: one reference; policy_error() tells whether it can be used. */
struct policy *policy_compile(const struct policy_loader *loader);
struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p);

/* NULL for a usable policy, else "FILE:LINE: what is wrong". */
const char *policy_error(const struct policy *p);
size_t policy_rule_count(const struct policy *p);

/* A rule as written, for logs and explanations. Borrowed texts. */
struct policy_rule_place {
	const char *file; /* label */
	unsigned line;    /* 0: implied by a legacy file */
};
struct policy_rule_place policy_rule_place(const struct policy *p, uint32_t rule);
enum policy_action policy_rule_action(const struct policy *p, uint32_t rule);
/* Appends the rule in the usual form: "SERVICE ARGUMENT SOURCE TARGET ACTION PARAM=...". */
int policy_rule_format(const struct policy *p, uint32_t rule, struct buf *out);

/* A policy together with facts: what requests are evaluated against. Immutable, holds both. */
struct policy_view;

struct policy_view *policy_view_create(struct policy *p, struct policy_facts *f);
struct policy_view *policy_view_ref(struct policy_view *v);
void policy_view_unref(struct policy_view *v);
const struct policy *policy_view_policy(const struct policy_view *v);
const struct policy_facts *policy_view_facts(const struct policy_view *v);

/* The question. Nothing in it is trusted but that `source` was named by the qube's own daemon. */
struct policy_request {
	const char *source;           /* name of the calling qube */
	const char *requested_source; /* the qube it claims to speak for; NULL or "": none */
	const char *target;           /* as the caller wrote it; may be "" */
	const char *service;          /* NAME or NAME+ARGUMENT */
	bool without_grants;          /* an ask is one whatever was granted */
};

/* Where a call goes, or is asked to go. Can not name anything that does not exist. */
enum policy_target_kind {
	POLICY_TARGET_NONE,
	POLICY_TARGET_DEFAULT,     /* @default */
	POLICY_TARGET_ADMINVM,     /* @adminvm */
	POLICY_TARGET_DISPVM,      /* @dispvm */
	POLICY_TARGET_DISPVM_BASE, /* @dispvm:QUBE */
	POLICY_TARGET_QUBE,
};

struct policy_target {
	enum policy_target_kind kind;
	bool by_uuid;  /* written as "uuid:..." */
	uint32_t qube; /* of the last two kinds */
};

/* As a caller, a rule or an answer writes it; "" for none. */
const char *policy_target_text(const struct policy_view *v, struct policy_target target,
	char ret_text[POLICY_TARGET_TEXT_MAX]);

enum policy_result {
	POLICY_DENY,
	POLICY_ALLOW,
	POLICY_ASK,
};

enum policy_reason {
	POLICY_REASON_RULE, /* of allow and ask, too */
	POLICY_REASON_NO_RULE,
	POLICY_REASON_NO_TARGET,
	POLICY_REASON_NO_ASK_TARGET,
	POLICY_REASON_NO_DEFAULT_DISPVM,
	POLICY_REASON_BAD_DISPVM,
	POLICY_REASON_BAD_TARGET,
	POLICY_REASON_BAD_SOURCE,
	POLICY_REASON_BAD_SERVICE,
	POLICY_REASON_UNKNOWN_CALLER,
	POLICY_REASON_AUTOSTART,
	POLICY_REASON_LOOPBACK,
	POLICY_REASON_REMOTE_CONFIG,
	POLICY_REASON_POLICY_SYNTAX,
	POLICY_REASON_POLICY_LOAD,
	POLICY_REASON_NO_GUI_QUBE,     /* ask, and nobody to ask */
	POLICY_REASON_NO_PROMPT_AGENT, /* ask, and nothing to ask with */
	POLICY_REASON_NO_FACTS,        /* nothing is known about the qubes */
	POLICY_REASON_CHANGED,         /* while the user was asked */
	POLICY_REASON_USER_REFUSED,
	POLICY_REASON_BAD_PROMPT_ANSWER,
	POLICY_REASON_ASK_NOT_ALLOWED, /* ask, where only a plain yes counts */
	POLICY_REASON_NO_ANSWER,       /* of the user, in time */
	POLICY_REASON_TOO_MANY_PROMPTS,
};

/* The name used in logs and test vectors ("no-rule"), and a sentence for people. */
const char *policy_reason_name(enum policy_reason reason);
const char *policy_reason_text(enum policy_reason reason);

/*
 * The outcome. Qubes and rules are numbers of the view it was made with, which the holder keeps
 * a reference of as long as it uses them.
 */
struct policy_decision {
	enum policy_result result;
	enum policy_reason reason;
	uint32_t rule;   /* that decided, or POLICY_NONE */
	uint32_t caller; /* POLICY_NONE when unknown */
	uint32_t source; /* the claimed one where there is one, else the caller */
	bool claimed;    /* the source was claimed */
	bool notify;     /* tell the user of the outcome */
	bool autostart;
	const char *user;               /* of the rule, borrowed; NULL or "": the default user */
	struct policy_target requested; /* normalised; NONE when it was not reached */
	struct policy_target target;    /* of allow: the final one */
	uint32_t relay;                 /* of allow to a RemoteVM: where the call goes instead */

	/* Of ask: two sets (qubes, then disposables based on them) of policy_facts_words() each. */
	uint64_t *choices;                   /* owned */
	struct policy_target default_target; /* NONE: none */
};

#define POLICY_DECISION_INIT                                                                       \
	{                                                                                          \
		.rule = POLICY_NONE, .caller = POLICY_NONE, .source = POLICY_NONE,                 \
		.relay = POLICY_NONE                                                               \
	}

void policy_decision_finish(struct policy_decision *d);

#define AUTO_DECISION __attribute__((cleanup(policy_decision_finish)))

/* Evaluates. `ret` holds nothing before, and is finished by the caller. Never fails: a doubt is
 * POLICY_DENY with its reason. */
void policy_evaluate(const struct policy_view *v, const struct policy_request *request,
	struct policy_decision *ret);

/* ---- ask: between the prompt and the engine ---- */

/* The choices offered, sorted as text; the first call with *cursor = 0. NONE at the end. */
struct policy_target policy_choice_next(
	const struct policy_view *v, const struct policy_decision *asked, size_t *cursor);
size_t policy_choice_count(const struct policy_view *v, const struct policy_decision *asked);
/* The qube whose display asks and notifies, or NULL: then nobody can be asked. */
const char *policy_gui_qube(const struct policy_view *v, const struct policy_decision *asked);

/*
 * Turns an ask into allow or deny by what the prompt said ("allow:CHOICE" or "deny", exactly;
 * NULL: nobody could be asked). The choice has to be one that was offered.
 */
void policy_prompt_answer(
	const struct policy_view *v, struct policy_decision *asked, const char *untrusted_answer);

/* The same as if the user had agreed to the requested target. */
void policy_assume_yes(const struct policy_view *v, struct policy_decision *asked);

/* Makes an ask a refusal for the reason given. */
void policy_refuse_ask(struct policy_decision *asked, enum policy_reason reason);

/* ---- what the user is told ---- */

struct policy_notification {
	const char *gui_qube; /* NULL: nothing to send */
	const char *resolution;
	const char *source, *target;
	const char *service; /* without argument: the first service_length bytes */
	size_t service_length;
	const char *argument; /* with its "+" */
	char target_text[POLICY_TARGET_TEXT_MAX];
};

/* Of a final decision (not ask). All borrowed from the view, the request and *ret itself. */
void policy_notification(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, struct policy_notification *ret);

/* ---- explanations ---- */

enum policy_mismatch {
	POLICY_MATCHES,
	POLICY_MISMATCH_SERVICE,
	POLICY_MISMATCH_ARGUMENT,
	POLICY_MISMATCH_SOURCE,
	POLICY_MISMATCH_TARGET,
	POLICY_MISMATCH_GRANT, /* it answers only what another rule asks */
};

/* Why a rule does not match a request whose decision is `d`. */
enum policy_mismatch policy_rule_mismatch(const struct policy_view *v,
	const struct policy_request *request, const struct policy_decision *d, uint32_t rule);

/* Appends one sentence about it. */
int policy_mismatch_explain(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, uint32_t rule, enum policy_mismatch mismatch,
	struct buf *out);

#endif
