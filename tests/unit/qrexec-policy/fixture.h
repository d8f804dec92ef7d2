/* A small system of qubes and policies made from one text, for the tests of the engine. */
#ifndef BULKHEAD_TESTS_POLICY_FIXTURE_H
#define BULKHEAD_TESTS_POLICY_FIXTURE_H

#include "qrexec/policy/policy.h"

/*
 * dom0; work (tag office, default_dispvm dvm, running), vault (office, halted), red (wild,
 * no default_dispvm), dvm and reddvm (templates for disposables; reddvm is tagged wild), relay,
 * far (a RemoteVM behind relay), hidden (internal), alone (no GUI qube).
 */
struct policy_facts *fixture_facts(void);

/* The name of each, in order, NULL at the end. */
extern const char *const fixture_qubes[];

/* UUIDs are FIXTURE_UUID with the number of the qube in fixture_qubes as the last digit. */
#define FIXTURE_UUID "c0ffee00-0000-4000-8000-00000000000"

/* A policy of one file, etc/30-test.policy. */
struct policy *fixture_policy(const char *text);
struct policy_view *fixture_view(const char *text);

/* Evaluates "SOURCE TARGET SERVICE". */
void fixture_evaluate(const struct policy_view *v, const char *source, const char *target,
	const char *service, struct policy_decision *ret);

#endif
