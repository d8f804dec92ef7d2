/*
 * The words of the source and target columns and of target= and default_target= (spec qrexec.md
 * 5.3). Pure; the text comes from a policy file and is checked here.
 */
#ifndef BULKHEAD_QREXEC_POLICY_TOKEN_H
#define BULKHEAD_QREXEC_POLICY_TOKEN_H

#include "base/err.h"

enum policy_token_kind {
	POLICY_TOKEN_ANY,         /* * */
	POLICY_TOKEN_ANYVM,       /* @anyvm */
	POLICY_TOKEN_ADMINVM,     /* @adminvm */
	POLICY_TOKEN_DEFAULT,     /* @default */
	POLICY_TOKEN_NAME,        /* a qube, by name or "uuid:..." */
	POLICY_TOKEN_TYPE,        /* @type:VALUE */
	POLICY_TOKEN_TAG,         /* @tag:VALUE */
	POLICY_TOKEN_DISPVM,      /* @dispvm */
	POLICY_TOKEN_DISPVM_NAME, /* @dispvm:QUBE */
	POLICY_TOKEN_DISPVM_TAG,  /* @dispvm:@tag:VALUE */
};

/* Where a word stands decides which tokens it may be. */
enum policy_token_place {
	POLICY_PLACE_SOURCE,
	POLICY_PLACE_TARGET,
	POLICY_PLACE_REDIRECT, /* target=, default_target= */
};

struct policy_token {
	enum policy_token_kind kind;
	const char *value; /* the part after the keyword, within the word; "" for none */
};

/*
 * Recognises a word. The letters of a UUID are made lower-case in place, so that UUIDs compare
 * as text. 0 or -1 with the error.
 */
int policy_token_parse(
	char *word, enum policy_token_place place, struct policy_token *ret, struct err *err);

#endif
