/* How far the agent is, for those who wait for the session: a file with one word. */
#ifndef BULKHEAD_GUI_AGENT_STATUS_H
#define BULKHEAD_GUI_AGENT_STATUS_H

/* Below root_path(). "started": programs can show windows; "connected": they are seen. */
#define STATUS_PATH "/run/qubes/gui-agent.status"

/* Opens it, while there are the rights for that; without it nothing is written. */
void status_open(void);
void status_write(const char *word);

#endif
