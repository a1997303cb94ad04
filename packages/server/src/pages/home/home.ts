/** The home page, for people who open the issuer's URL or cancel on an account page. */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Endpoint } from '@tessera/protocol/http'
import type { Clients } from '../../model/client.ts'
import type { ClientNeeds } from '../../model/entry.ts'
import type { Users } from '../../model/user.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { Paths } from '../flow/page-paths.ts'
import { userName } from '../flow/view-model.ts'
import type { HomePage, Pages } from '../ui/pages.ts'

type HomePorts = {
  readonly sessions: Pick<BrowserSessions, 'read'>
  readonly users: Pick<Users, 'find'>
  readonly clients: Pick<Clients, 'all'> & { readonly needs: () => readonly ClientNeeds[] }
  readonly offered: { readonly signUp: boolean; readonly devMail: boolean }
  /** Whether the server runs on a developer's own machine. */
  readonly local: boolean
  readonly pages: Pages
  readonly paths: Paths
}

/** `GET /`. */
export function createHomeEndpoint({
  sessions,
  users,
  clients,
  offered,
  local,
  pages,
  paths,
}: HomePorts): Endpoint {
  return async request => {
    const session = await sessions.read(request)
    return pages.home(request, {
      accountHref: paths('/account'),
      signOut: paths('/logout'),
      user: session && (await userName(session, users)),
      signUp: offered.signUp ? paths('/register') : undefined,
      device: hasDevices() ? paths('/device') : undefined,
      developers: local ? developers() : undefined,
    })
  }

  function hasDevices(): boolean {
    return (
      [...clients.all()].some(
        ({ enabled, grant_types }) => enabled && grant_types.has(grantTypes.deviceCode),
      ) || clients.needs().some(({ devices }) => devices)
    )
  }

  function developers(): NonNullable<HomePage['developers']> {
    return {
      base: paths('/').slice(0, -1),
      mail: offered.devMail ? paths('/dev/mail') : undefined,
    }
  }
}
