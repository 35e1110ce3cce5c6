# Runs a real systemd as the first process of namespaces of its own, on copies of what the gateway's installer writes to.
# boot.sh NAME PYTHON SITE STAGE: the control group's name; folders that show as /srv/python, /srv/site, /srv/stage.
set -eu
# Apart from this machine, and as a systemd on a machine of its own finds its mounts: credentials are handed over that way.
mount --make-rprivate /
mount --make-rshared /
mount -t proc proc /proc
mount -t tmpfs tmpfs /srv
mkdir /srv/python /srv/site /srv/stage /srv/etc
mount --bind "$2" /srv/python
mount --bind "$3" /srv/site
mount --bind "$4" /srv/stage
cp -a /etc/. /srv/etc
rm -rf /srv/etc/fstab /srv/etc/systemd/system /srv/etc/sereno
mkdir -p /srv/etc/systemd/system
mount --bind /srv/etc /etc
for folder in /run /tmp /opt /var/lib /usr/local/bin /usr/lib/systemd/system /usr/lib/systemd/system-generators; do
  mount -t tmpfs -o mode=755 tmpfs "$folder"
done
chmod 1777 /tmp
for target in basic sysinit network time-sync shutdown reboot multi-user; do
  printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$target" >"/usr/lib/systemd/system/$target.target"
done
# A control group of its own, so that this systemd sees nobody else's processes.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/cgroup
mount -t cgroup2 cgroup2 /mnt/cgroup
mkdir "/mnt/cgroup/$1"
echo $$ >"/mnt/cgroup/$1/cgroup.procs"
export container=sereno-test
exec unshare --cgroup sh -c '
  umount -R /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  umount -R /mnt
  exec /usr/lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no'
