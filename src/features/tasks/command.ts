/**
 * Unpacks archives in the folder of a task, in its container, where they can do no more harm than its command; then becomes
 * the command. The first parameter is the command, the others are names of archives.
 */
const unpackThenRun = `command=$1
shift
for archive in "$@"; do
  case "$archive" in
    *.zip | *.ZIP | *.jar | *.nupkg) unzip -q -o "./$archive" ;;
    *.tar.gz | *.tgz) tar -xozf "./$archive" ;;
    *.tar.bz2 | *.tbz2) tar -xojf "./$archive" ;;
    *.tar.xz | *.txz) tar -xoJf "./$archive" ;;
    *.tar | *.tar.*) tar -xof "./$archive" ;;
    *.gz) gunzip -c "./$archive" >"./\${archive%.gz}" ;;
    *.bz2) bunzip2 -c "./$archive" >"./\${archive%.bz2}" ;;
    *.xz) unxz -c "./$archive" >"./\${archive%.xz}" ;;
    *) false ;;
  esac || {
    echo "$archive could not be unpacked" >&2
    exit 1
  }
done
exec sh -c "$command"`

/** What a container is to run: a command by the shell, after these archives are unpacked. */
export const commandOf = (runCommand: string, archives: string[]) =>
  archives.length === 0 ? ['sh', '-c', runCommand] : ['sh', '-c', unpackThenRun, 'sh', runCommand, ...archives]
