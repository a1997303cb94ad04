/** The view functions of the sign-out pages. */

import { hash } from 'node:crypto'
import type { Page, PageForm, Show } from './render.ts'

type SignOutPage = {
  readonly form: PageForm
  readonly user: string
}

type SignedOutPage = {
  /** Front-channel logout URIs of the clients. */
  readonly frames: readonly string[]
  /** Seconds after which the browser continues automatically; undefined: it stays. */
  readonly goesOnAfter?: number
  /** The URL at which the browser continues; by default, the client's home page, if it has one. */
  readonly href?: string
  /** Whether the browser goes to a provider first, not to that client. */
  readonly byProvider: boolean
  /** Whether the client sent a URL to return to that is not allowed. */
  readonly returnRefused: boolean
  /** The URL for signing in again. */
  readonly again: string
}

export type SignOutPages = {
  readonly signOut: Page<SignOutPage>
  readonly stillSignedIn: Page<{ readonly account: string }>
  readonly signedOut: Page<SignedOutPage>
}

/**
 * Continues once: when the page and every frame have loaded, or when the time is up. `data-seconds` comes from this
 * server.
 */
const leaveScript = `(function(){var l=document.getElementById('next'),d=false;function go(){if(!d){d=true;location.replace(l.href)}}addEventListener('load',go);setTimeout(go,l.dataset.seconds*1000)})()`
const leaveScriptHash = `sha256-${hash('sha256', leaveScript, 'base64')}`

export const createSignOutPages = (show: Show): SignOutPages => ({
  signOut: (request, data, context = {}) =>
    show(request, 'sign-out', context, ({ signOut }, client) => ({
      ...data,
      title: signOut.title,
      lead: client ? signOut.leadClient(client.name) : signOut.lead,
    })),
  stillSignedIn: (request, { account }, context = {}) =>
    show(request, 'message', context, ({ signOut, fields }) => ({
      ...signOut.kept,
      sign: 'approved',
      links: [{ href: account, text: fields.links.account }],
    })),
  signedOut: (request, { frames, goesOnAfter, href, byProvider, returnRefused, again }, context = {}) => {
    const goesOn = goesOnAfter !== undefined
    return show(
      request,
      'signed-out',
      goesOn ? { ...context, scriptHash: leaveScriptHash } : context,
      ({ signOut: { done } }, client) => ({
        title: done.title,
        text: goesOn ? done.goingOn : done.text,
        frames,
        href: href ?? client?.home,
        label: client && !byProvider ? done.back(client.name) : done.next,
        notice: returnRefused ? done.returnRefused : undefined,
        again: goesOn ? undefined : { href: again, text: done.again },
        passes: goesOn,
        ...(goesOn && { script: leaveScript, seconds: goesOnAfter, refresh: `${goesOnAfter}; url=${href}` }),
      }),
    )
  },
})
