type OfDevice = { team: string; device: string; device_id: string }
type OfKey = { username: string; key_id: string; name: string }
type OfPackage = { package: string; package_id: string }
type OfRepo = { repo: string; repo_id: string }
type OfApplication = { team: string; app: string; application_id: string }
type OfRelease = OfApplication & { build_id: string; version: string; architecture: string }

/** Every kind of notice, with what it carries. `GET /events` shows them as they are: nothing secret belongs here. */
export type NoticeData = {
  'account.created': { username: string }
  'account.deleted': { username: string }
  'account.password': { username: string }
  'account.role': { username: string; role: string }
  'cli_key.created': OfKey
  'cli_key.deleted': OfKey
  'team.created': { team: string }
  'team.deleted': { team: string }
  'member.set': { team: string; username: string; role: string }
  'member.removed': { team: string; username: string }
  'application.created': OfApplication
  'application.updated': OfApplication & { name: string; active: boolean }
  'application.key_renewed': OfApplication
  'application.deleted': OfApplication
  'logs.stored': OfApplication & { entries: number; from: number; to: number }
  'device.registered': OfDevice & { board: string; tag: string | null }
  'device.updated': OfDevice & { board: string; tag: string | null }
  'device.associated': OfDevice & { app: string }
  'device.status': OfDevice & { status: string; running_id: number | null }
  'device.relaunch': OfDevice & { seq: number }
  'device.relaunch_told': OfDevice & { seq: number }
  'device.deleted': OfDevice
  'deployment.created': OfApplication & {
    id: number
    board: string
    tag: string | null
    group_id: string
    size: number
    md5: string
    sha256: string
  }
  'repo.added': OfRepo & { version: string }
  'repo.released': OfRepo & { version: string; previous: string }
  'repo.assets': OfRepo & { version: string }
  'repo.removed': OfRepo
  'task.status': { task: string; status: string; repo_id: string }
  'task.deleted': { task: string }
  'build.status': OfApplication & { id: number; status: string }
  'release.published': OfRelease
  'release.withdrawn': OfRelease
  'release.reinstated': OfRelease
  'package.created': OfPackage
  'package.published': OfPackage & { id: string; version: string; revision: string }
  'package.yanked': OfPackage & { version: string; yanked: boolean }
  'package.latest': OfPackage & { latest: { id: string; version: string; revision: string } | null }
  'package.maintainer_set': OfPackage & { username: string }
  'package.maintainer_removed': OfPackage & { username: string }
}

/** In place of a team: whoever is signed in sees the notice. */
export const everyone = '*'

export type NoticeType = keyof NoticeData

/** Who sees a notice: the members of a team, the user it is about, the watchers of a repo. */
type Audience = { teamId?: string; userId?: string; repoId?: string }

/** A notice before it has a number. */
export type NewNotice = { [T in NoticeType]: Audience & { type: T; data: NoticeData[T] } }[NoticeType]

/** A notice that was committed; `seq` is commit order. */
export type Notice = NewNotice & { seq: number; at: Date }
