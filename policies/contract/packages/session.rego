# METADATA
# title: What rules of the session decision read
# description: For tools of others. The server has its own, and reads nothing in this folder.
# scope: subpackages
# schemas:
#   - input: schema.session
#   - data.ostiary.config: schema.config
package ostiary.session
