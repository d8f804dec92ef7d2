/*
 * A prompter that asks the policy agent of the GUI qube (spec qrexec.md 7.1). One prompt at a
 * time is open on each GUI qube; the others wait, and the qubes that ask take turns.
 */
#ifndef BULKHEAD_QREXEC_POLICY_AGENT_PROMPTER_H
#define BULKHEAD_QREXEC_POLICY_AGENT_PROMPTER_H

#include "qrexec/policy/courier.h"
#include "qrexec/policy/prompter.h"

/* Prompts of one calling qube, and of all, open or waiting. */
#define PROMPTS_MAX_OF_QUBE 4
#define PROMPTS_MAX 64
/* For an answer, once the prompt is open. */
#define PROMPT_TIMEOUT_MS 300000

/* `courier` is borrowed. Never NULL. */
struct prompter *agent_prompter_create(
	struct loop *loop, struct courier *courier, unsigned timeout_ms);
/* After everything that was started ended or was cancelled. */
void agent_prompter_destroy(struct prompter *base);

#endif
