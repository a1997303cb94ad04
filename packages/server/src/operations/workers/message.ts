/** What the primary and its workers tell each other. */

import type { Figures, FiguresOfAll } from '../../runtime/metrics.ts'

export type FromWorker =
  /** Its event loop runs; sent each second. */
  | { readonly kind: 'alive' }
  /** It serves. */
  | { readonly kind: 'ready' }
  /** It could not start. */
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string | undefined }
  /** It has read its configuration anew; not `applied`: and goes on with the one before. */
  | { readonly kind: 'reloaded'; readonly applied: boolean }
  /** Its own, as it was asked for in this round. */
  | { readonly kind: 'figures'; readonly round: number; readonly figures: Figures }
  /** It wants those of all. */
  | { readonly kind: 'figures_wanted'; readonly question: number }

export type ToWorker =
  /** Finish what is under way, and end. */
  | { readonly kind: 'drain' }
  /** Read the configuration anew. */
  | { readonly kind: 'reload' }
  | { readonly kind: 'tell_figures'; readonly round: number }
  | { readonly kind: 'figures_of_all'; readonly question: number; readonly figures: FiguresOfAll }
