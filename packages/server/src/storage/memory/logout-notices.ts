/** Logout tokens that are to be delivered, in memory. */

import type { LogoutNotice } from '../../model/authorization.ts'
import type { LogoutNotices } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const keyOfNotice = ({ sid, client_id }: Pick<LogoutNotice, 'sid' | 'client_id'>): string =>
  JSON.stringify([sid, client_id])

export const createLogoutNotices = ({ logoutNotices }: Tables): LogoutNotices => ({
  async claim(at, until, limit, but = []) {
    const due = [...logoutNotices.values()]
      .filter(({ due_at, client_id }) => due_at <= at && !but.includes(client_id))
      .sort((one, other) => one.due_at - other.due_at)
      .slice(0, limit)
      .map(notice => ({ ...notice, attempts: notice.attempts + 1, due_at: until }))
    for (const notice of due) logoutNotices.set(keyOfNotice(notice), notice)
    return due
  },
  async postpone(notice, dueAt) {
    const found = logoutNotices.get(keyOfNotice(notice))
    if (found) logoutNotices.set(keyOfNotice(notice), { ...found, due_at: dueAt })
  },
  async remove(notice) {
    logoutNotices.delete(keyOfNotice(notice))
  },
  anyDue: at => [...logoutNotices.values()].some(({ due_at }) => due_at <= at),
})
