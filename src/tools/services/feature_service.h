/* The services qubes.FeaturesRequest and qubes.NotifyTools: what a qube says about itself. */
#ifndef BULKHEAD_TOOLS_SERVICES_FEATURE_SERVICE_H
#define BULKHEAD_TOOLS_SERVICES_FEATURE_SERVICE_H

#include "base/err.h"
#include "tools/services/requests.h"

/* Carries out what the rules believe of it. 0 or -1 with the error. */
int features_apply(const char *caller, const struct feature_requests *requests, struct err *err);

#endif
