import { missing } from '../../lib/errors.ts'
import { isNewer } from '../../lib/versions.ts'
import type { Running } from './columns.ts'
import type { LatestReleases, Offer } from './latest.ts'
import type { Addressed } from './links.ts'
import type { Sightings } from './sightings.ts'
import type { Votes } from './votes.ts'

/** What a client should run, and whether that is newer than what it runs. */
export type Advice = { release: Addressed; isUpdate: boolean }

export type Clients = ReturnType<typeof createClients>

/** What desktop programs ask, and what they say. */
export function createClients({ latest, votes, sightings }: { latest: LatestReleases; votes: Votes; sightings: Sightings }) {
  function advise(running: Running, offer: Offer | undefined): Advice | Promise<Advice> {
    if (!offer) throw missing('Application not found')
    const late = sightings.note(running)
    const { release } = offer
    if (!release) throw missing('No build for this architecture')
    const advice = { release, isUpdate: isNewer(release.version, running.version) }
    return late ? late.then(() => advice) : advice
  }

  return {
    /** What a client should run; at once where that is in memory. Throws `missing` for an unknown application, and where it has no release for the architecture. */
    advise(running: Running): Advice | Promise<Advice> {
      const known = latest.known(running.applicationId, running.architecture)
      if (known) return advise(running, known)
      return latest.of(running.applicationId, running.architecture).then((offer) => advise(running, offer))
    },

    /** Stores whether the release that a client runs works there: its later word replaces the earlier. Throws `missing`. */
    async report(running: Running, outcome: 'success' | 'failure') {
      await votes.cast(running, outcome)
      await sightings.note(running)
    },

    /** The clients of an application by their ids, a page at a time, with what they last said that they run. */
    list: sightings.list,

    /** Resolves when everything that was said is written. */
    settled: sightings.settled
  }
}
