"""OVF and OVA: machines packed into files, written for everybody and read from anybody.

words.py        the format's numbers and names, and the model's
descriptor.py   a machine as an OVF descriptor
reading.py      a descriptor as a machine
manifest.py     the digests of a package's files
package.py      a package's files: a folder, or one tar archive (OVA)
exporting.py    a machine of any hypervisor into a package
importing.py    a package into a machine of any hypervisor
"""
