/*
 * Logins by PAM, service `qrexec`; see session_login.h. Runs as root, in a process that exists for
 * this session alone: modules may block, change limits or move it to another control group.
 */
#include <errno.h>
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/qube/session_login.h"

#define QREXEC_SERVICE "qrexec"

struct login {
	pam_handle_t *pam;
	char **environment;
};

/* Nobody can be asked anything here; what modules say goes to the log. */
static int
converse(int count, const struct pam_message **messages, struct pam_response **ret_responses,
	void *data)
{
	struct pam_response *responses;

	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	for (int i = 0; i < count; i++) {
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
			messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			return PAM_CONV_ERR;
		log_info("login: %s", messages[i]->msg);
	}
	responses = calloc((size_t)count, sizeof(*responses));
	if (responses == NULL)
		return PAM_BUF_ERR;
	*ret_responses = responses;
	return PAM_SUCCESS;
}

static int
fail(struct login *login, int status, const char *user, const char *step, struct err *err)
{
	err_set(err, EACCES, "user '%s': %s: %s", user, step, pam_strerror(login->pam, status));
	pam_end(login->pam, status);
	free(login);
	return -1;
}

static int
open_steps(struct login *login, const char *user, struct err *err)
{
	int e;

	if ((e = pam_set_item(login->pam, PAM_RUSER, "root")) != PAM_SUCCESS)
		return fail(login, e, user, "cannot begin", err);
	if ((e = pam_authenticate(login->pam, PAM_SILENT)) != PAM_SUCCESS)
		return fail(login, e, user, "not authenticated", err);
	if ((e = pam_acct_mgmt(login->pam, PAM_SILENT)) != PAM_SUCCESS)
		return fail(login, e, user, "account not usable", err);
	if ((e = pam_setcred(login->pam, PAM_ESTABLISH_CRED | PAM_SILENT)) != PAM_SUCCESS)
		return fail(login, e, user, "no credentials", err);
	if ((e = pam_open_session(login->pam, PAM_SILENT)) != PAM_SUCCESS) {
		pam_setcred(login->pam, PAM_DELETE_CRED | PAM_SILENT);
		return fail(login, e, user, "no session", err);
	}
	return 0;
}

struct login *
login_open(const char *user, struct err *err)
{
	static const struct pam_conv conversation = {converse, NULL};
	struct login *login = xcalloc(1, sizeof(*login));
	AUTO_FREE char *directory = root_path("/etc/pam.d");
	int e;

	/* A private root has its own configuration; else PAM knows best where to look. */
	if (root_prefix()[0] != '\0')
		e = pam_start_confdir(QREXEC_SERVICE, user, &conversation, directory, &login->pam);
	else
		e = pam_start(QREXEC_SERVICE, user, &conversation, &login->pam);
	if (e != PAM_SUCCESS) {
		free(login);
		err_set(err, EACCES, "user '%s': PAM: error %d", user, e);
		return NULL;
	}
	if (open_steps(login, user, err) < 0)
		return NULL;
	login->environment = pam_getenvlist(login->pam);
	return login;
}

const char *const *
login_environment(const struct login *login)
{
	static const char *const none[] = {NULL};

	return login->environment != NULL ? (const char *const *)login->environment : none;
}

void
login_close(struct login *login)
{
	if (login == NULL)
		return;
	pam_close_session(login->pam, PAM_SILENT);
	pam_setcred(login->pam, PAM_DELETE_CRED | PAM_SILENT);
	pam_end(login->pam, PAM_SUCCESS);
	for (char **variable = login->environment; variable != NULL && *variable != NULL;
		variable++)
		free(*variable);
	free(login->environment);
	free(login);
}
