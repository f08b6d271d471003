# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``nvidia-smi -q -x`` says of each GPU."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import DeviceAnswer, MigDevice
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_xml import XmlError, parse_xml

GPU = """
<gpu id="00000000:0A:00.0">
  <product_name>NVIDIA A30</product_name>
  <product_brand>NVIDIA</product_brand>
  <product_architecture>Ampere</product_architecture>
  <persistence_mode>Enabled</persistence_mode>
  <mig_mode><current_mig>Disabled</current_mig><pending_mig>Disabled</pending_mig></mig_mode>
  <mig_devices>
    None
  </mig_devices>
  <uuid>GPU-11</uuid>
  <minor_number>3</minor_number>
  <gpu_virtualization_mode><virtualization_mode>None</virtualization_mode></gpu_virtualization_mode>
  <gpu_reset_status>
    <reset_required>No</reset_required>
    <drain_and_reset_recommended>N/A</drain_and_reset_recommended>
  </gpu_reset_status>
  <gpu_recovery_action>None</gpu_recovery_action>
  <pci>
    <pci_device_id>20B710DE</pci_device_id>
    <pci_bus_id>00000000:0A:00.0</pci_bus_id>
  </pci>
  <fb_memory_usage>
    <total>24576 MiB</total><reserved>512 MiB</reserved><used>4 MiB</used><free>24060 MiB</free>
  </fb_memory_usage>
  <compute_mode>Default</compute_mode>
  <ecc_mode><current_ecc>Enabled</current_ecc><pending_ecc>Enabled</pending_ecc></ecc_mode>
  <ecc_errors>
    <volatile>
      <sram_uncorrectable_parity>1</sram_uncorrectable_parity>
      <sram_uncorrectable_secded>N/A</sram_uncorrectable_secded>
      <dram_correctable>7</dram_correctable>
      <dram_uncorrectable>2</dram_uncorrectable>
    </volatile>
    <aggregate><dram_uncorrectable>90</dram_uncorrectable></aggregate>
  </ecc_errors>
  <retired_pages><pending_blacklist>N/A</pending_blacklist><pending_retirement>N/A</pending_retirement></retired_pages>
  <remapped_rows>
    <remapped_row_pending>Yes</remapped_row_pending><remapped_row_failure>No</remapped_row_failure>
  </remapped_rows>
  <fabric><state>N/A</state><status>N/A</status><health><summary>N/A</summary></health></fabric>
</gpu>
"""

ANSWER = DeviceAnswer(
    pci_address="0000:0a:00.0",
    uuid="GPU-11",
    name="NVIDIA A30",
    minor=3,
    brand="nvidia",
    architecture="ampere",
    pci_device_id="10de:20b7",
    memory_mib=24576,
    memory_used_mib=4,
    memory_free_mib=24060,
    memory_unified=False,
    compute_mode="default",
    persistence_mode=True,
    mig_mode="disabled",
    mig_pending="disabled",
    ecc_mode=True,
    ecc_uncorrected=3,
    remap_pending=True,
    remap_failure=False,
    recovery_action="none",
    reset_required=False,
    virtualization_mode="none",
)


def log(*gpus, head="", driver="550.54.15", cuda="12.4"):
    return (
        '<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n<nvidia_smi_log>\n'
        f"<driver_version>{driver}</driver_version><cuda_version>{cuda}</cuda_version>{head}\n"
        f"<attached_gpus>{len(gpus)}</attached_gpus>\n{''.join(gpus)}</nvidia_smi_log>\n"
    )


def device(gpu):
    (found,) = parse_xml(log(gpu)).devices
    return found


def changed(old, new):
    assert old in GPU
    return device(GPU.replace(old, new))


def test_a_gpu():
    assert device(GPU) == ANSWER


def test_the_document():
    found = parse_xml(log(GPU))
    assert found.driver_version == "550.54.15" and found.cuda_version == "12.4" and found.attached == 1
    assert (found.cuda_version_missing, found.talk, found.unknown) == (False, (), ())


def test_a_driver_without_libcuda():
    found = parse_xml(log(GPU, cuda="Not Found"))
    assert (found.cuda_version, found.cuda_version_missing) == ("", True)


@pytest.mark.parametrize("head", ["", "<kmd_version>610.57.04</kmd_version><cuda_umd_version>13.3</cuda_umd_version>"])
def test_versions_with_a_remark(head):
    found = parse_xml(log(GPU, head=head, driver="610.57.04 [Deprecated; see KMD]", cuda="13.3 [Deprecated; see UMD]"))
    assert (found.driver_version, found.cuda_version) == ("610.57.04", "13.3")


def test_a_driver_that_tells_little():
    assert device("<gpu><uuid>GPU-11</uuid></gpu>") == DeviceAnswer(uuid="GPU-11")


@pytest.mark.parametrize("bus_id", ["N/A", ""])
def test_the_address_of_the_element_counts_where_there_is_no_other(bus_id):
    assert changed("<pci_bus_id>00000000:0A:00.0<", f"<pci_bus_id>{bus_id}<").pci_address == "0000:0a:00.0"


def test_a_gpu_that_shares_the_memory_of_the_host():
    found = changed("<total>24576 MiB</total>", "<total>N/A</total>")
    assert (found.memory_mib, found.memory_unified, found.faults) == (None, True, ())


def test_a_lost_gpu():
    found = changed("<total>24576 MiB</total>", "<total>GPU is lost</total>")
    assert (found.memory_mib, found.memory_unified, found.faults) == (None, None, ("GPU is lost",))


def test_rows_that_nobody_can_ask_are_a_fault():
    start, end = GPU.index("<remapped_rows>"), GPU.index("</remapped_rows>")
    found = device(GPU[:start] + "<remapped_rows>GPU is lost" + GPU[end:])
    assert (found.remap_pending, found.faults) == (None, ("GPU is lost",))


def test_a_gpu_with_a_fabric():
    fabric = "<state>Completed</state><status>Success</status><health><summary>Unhealthy</summary></health>"
    found = changed("<state>N/A</state><status>N/A</status><health><summary>N/A</summary></health>", fabric)
    assert (found.fabric_state, found.fabric_status, found.fabric_health) == ("completed", "success", "unhealthy")


def test_the_fabric_of_a_lost_gpu_is_the_fault_of_the_gpu():
    fabric = "<state>GPU is lost</state><status>GPU is lost</status><health><summary>GPU is lost</summary></health>"
    found = changed("<state>N/A</state><status>N/A</status><health><summary>N/A</summary></health>", fabric)
    assert (found.fabric_state, found.fabric_status, found.fabric_health) == (None, None, None)
    assert found.faults == ("GPU is lost",)


def test_the_counter_of_older_gpus():
    old = "<volatile><double_bit><device_memory>1</device_memory><total>4</total></double_bit></volatile>"
    start, end = GPU.index("<volatile>"), GPU.index("</volatile>") + len("</volatile>")
    assert device(GPU[:start] + old + GPU[end:]).ecc_uncorrected == 4


def test_pages_that_wait_for_their_retirement_by_the_old_name():
    start, end = GPU.index("<retired_pages>"), GPU.index("</retired_pages>")
    old = device(GPU[:start] + "<retired_pages><pending_blacklist>Yes</pending_blacklist>" + GPU[end:])
    assert old.retired_pages_pending is True


def test_what_older_drivers_recommend():
    without = GPU.replace("<gpu_recovery_action>None</gpu_recovery_action>", "")
    yes = without.replace("recommended>N/A<", "recommended>Yes<")
    assert device(without).recovery_action is None
    assert device(yes).recovery_action == "drain_and_reset"


MIG = """<mig_devices>
  <mig_device>
    <index>0</index><gpu_instance_id>1</gpu_instance_id><compute_instance_id>0</compute_instance_id>
    <fb_memory_usage><total>5952 MiB</total></fb_memory_usage>
  </mig_device>
  <mig_device><index>1</index><fb_memory_usage><total>N/A</total></fb_memory_usage></mig_device>
</mig_devices>"""


def test_mig_devices():
    start, end = GPU.index("<mig_devices>"), GPU.index("</mig_devices>") + len("</mig_devices>")
    found = device(GPU[:start] + MIG + GPU[end:])
    assert found.mig_devices == (
        MigDevice(index=0, gpu_instance=1, compute_instance=0, memory_mib=5952),
        MigDevice(index=1),
    )


def test_a_word_that_nobody_knew():
    found = parse_xml(log(GPU.replace(">Default<", ">Shared<")))
    assert found.devices[0].compute_mode is None
    assert found.unknown == ("compute_mode: 'Shared'",)


def test_complaints_stand_before_between_and_after():
    text = "before\n" + log(GPU, "between\n", GPU).replace("<attached", "within<attached") + "after\n"
    assert parse_xml(text).talk == ("before", "within", "between", "after")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no XML"),
        ("No devices were found\n", "it is no XML"),
        (log(GPU)[:-30], "it ends in the middle"),
        (log(GPU).replace("</gpu>", "", 1), "it is no XML: mismatched tag"),
        (log(GPU.replace("A30", "A&30")), "it is no XML"),
        (log(GPU.replace("A30", "A\0")), "it is no XML"),
        ("<?xml version='1.0'?><html><nvidia_smi_log></nvidia_smi_log></html>", "it is no XML"),
        (
            "<?xml version='1.0'?><!DOCTYPE nvidia_smi_log [<!ENTITY a 'aaaa'>]>" + log(GPU)[22:],
            "it declares entities",
        ),
    ],
)
def test_what_is_no_answer(text, why):
    with pytest.raises(XmlError, match=f"^{why}"):
        parse_xml(text)


def test_the_document_type_is_not_fetched(tmp_path):
    (tmp_path / "leak").write_text("leak")
    text = log(GPU).replace('"nvsmi_device_v12.dtd"', f'"file://{tmp_path}/leak"').replace("A30", "&leak;")
    with pytest.raises(XmlError, match="undefined entity"):
        parse_xml(text)


def test_elements_in_elements_without_end():
    deep = "<a>" * 50000 + "</a>" * 50000
    assert device(GPU.replace("<uuid>", deep + "<uuid>")) == ANSWER
