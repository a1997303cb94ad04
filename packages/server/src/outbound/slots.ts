/**
 * Limits outbound requests in progress. Untrusted clients together get a share of the slots, and each client and host
 * gets a smaller one, so that none blocks the others.
 */

type Asking = {
  readonly client_id: string
  /** The URL. Its host has a share of the slots. */
  readonly url: string
  /** Whether the operator, or a party that the operator trusts, approved the client and the URL. */
  readonly trusted: boolean
}

/** Takes a slot and returns a function that releases it. Returns undefined if one of the shares is exhausted. */
export type TakeSlot = (asking: Asking) => (() => void) | undefined

/** Shares of all slots. */
const shares = {
  trusted: { client: 1 / 2, host: 1 / 2, together: 1 },
  untrusted: { client: 1 / 20, host: 1 / 20, together: 1 / 2 },
} as const

/**
 * The share of the remaining slots that one untrusted client or host may use; at least one slot. A few clients
 * therefore can't take all slots: each additional client gets fewer, and even after dozens a new one gets a slot.
 */
const shareOfRest = 1 / 4

/** @param most requests in progress, of all clients together. */
export function createSlots(most: number): TakeSlot {
  const taken = new Map<string, number>()

  return asking => {
    const untrusted = taken.get('untrusted') ?? 0
    const limits = limitsOf(asking, most, untrusted)
    if (limits.some(([key, limit]) => (taken.get(key) ?? 0) >= limit)) return undefined
    for (const [key] of limits) taken.set(key, (taken.get(key) ?? 0) + 1)
    let isTaken = true
    return () => {
      if (!isTaken) return
      isTaken = false
      for (const [key] of limits) {
        const left = (taken.get(key) ?? 1) - 1
        if (left === 0) taken.delete(key)
        else taken.set(key, left)
      }
    }
  }
}

function limitsOf(
  { client_id, url, trusted }: Asking,
  most: number,
  untrusted: number,
): readonly (readonly [string, number])[] {
  const share = trusted ? shares.trusted : shares.untrusted
  const rest = trusted ? most : (most * share.together - untrusted) * shareOfRest
  const limitOf = (part: number, left = most): number => Math.max(1, Math.floor(Math.min(most * part, left)))
  const together = trusted ? [] : [['untrusted', limitOf(share.together)] as const]
  // Counted separately, so that untrusted clients which name someone else's host use none of its slots.
  const kind = trusted ? 'trusted' : 'untrusted'
  return [
    ['all', most],
    ...together,
    [`client ${client_id}`, limitOf(share.client, rest)],
    [`${kind} host ${hostOf(url)}`, limitOf(share.host, rest)],
  ]
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : url)
