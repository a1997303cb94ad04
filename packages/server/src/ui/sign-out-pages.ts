/** The pages of a sign-out. */

import { hash } from 'node:crypto'
import type { Page, PageForm, Show } from './show.ts'

export type SignOutPage = {
  readonly form: PageForm
  readonly user: string
}

export type SignedOutPage = {
  /** Addresses of the clients that are told. */
  readonly frames: readonly string[]
  /** Whether the browser goes on by itself. */
  readonly goesOn: boolean
  /** Where the browser goes on; undefined: the home page of the client that asked, where it has one. */
  readonly href?: string
  /** It goes to a provider first, not to that client. */
  readonly byProvider: boolean
}

export type SignOutPages = {
  readonly signOut: Page<SignOutPage>
  readonly stillSignedIn: Page<undefined>
  readonly signedOut: Page<SignedOutPage>
}

/** Leads on when every frame has loaded; the header `Refresh` does so in any case. */
const leaveScript = `(function(){var f=document.getElementsByTagName('iframe'),l=document.getElementById('next'),n=f.length,i;function d(){n-=1;if(n===0)location.replace(l.href)}if(l)for(i=0;i<f.length;i++)f[i].addEventListener('load',d)})()`
const leaveScriptHash = `sha256-${hash('sha256', leaveScript, 'base64')}`

export const createSignOutPages = (show: Show): SignOutPages => ({
  signOut: (request, data, context = {}) =>
    show(request, 'sign-out', context, ({ signOut }, client) => ({
      ...data,
      title: signOut.title,
      lead: client ? signOut.leadClient(client.name) : signOut.lead,
    })),
  stillSignedIn: (request, _, context = {}) =>
    show(request, 'message', context, ({ signOut }) => ({ ...signOut.kept, sign: 'approved' })),
  signedOut: (request, { frames, goesOn, href, byProvider }, context = {}) =>
    show(
      request,
      'signed-out',
      goesOn ? { ...context, scriptHash: leaveScriptHash } : context,
      ({ signOut: { done } }, client) => ({
        title: done.title,
        text: goesOn ? done.goingOn : done.text,
        frames,
        href: href ?? client?.home,
        label: client && !byProvider ? done.back(client.name) : done.next,
        ...(goesOn && { script: leaveScript }),
      }),
    ),
})
